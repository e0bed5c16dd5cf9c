// Open MPI, MPICH, or any other MPI-3, by its C interface. Nothing here blocks but MPI_Init and MPI_Finalize:
// all else is polled, so that signals and failed ranks are seen.

// The C++ interface was taken out of the standard, and Open MPI's header still brings it.
#define OMPI_SKIP_MPICXX
#include "replay/job.hpp"

#include <fmt/format.h>

#include <mpi.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <vector>

#include "ppsim/core/error.hpp"
#include "replay/group.hpp"
#include "replay/mpi/init_watch.hpp"

namespace ppsim {
namespace {

// All messages go through MPI_COMM_WORLD, whose ranks are all ours: a duplicate would take collective calls,
// which spin. The last of the tags that no replay uses is for the line of a rank that fails.
constexpr int kFailureTag = kFirstFreeTag - 1;

class MpiTransport final : public Transport {
 public:
  explicit MpiTransport(const volatile std::sig_atomic_t* signal) : signal_(signal) {
    int rank = 0, size = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    rank_ = Rank{static_cast<std::uint32_t>(rank)};
    size_ = static_cast<std::uint32_t>(size);
    if (rank_ == Rank{0}) {
      MPI_Irecv(line_.data(), static_cast<int>(line_.size()), MPI_CHAR, MPI_ANY_SOURCE, kFailureTag,
                MPI_COMM_WORLD, &failure_);
    }
  }
  MpiTransport(const MpiTransport&) = delete;
  MpiTransport& operator=(const MpiTransport&) = delete;
  ~MpiTransport() override {
    if (failure_ == MPI_REQUEST_NULL) return;
    MPI_Cancel(&failure_);
    MPI_Wait(&failure_, MPI_STATUS_IGNORE);
  }

  [[nodiscard]] Rank rank() const override { return rank_; }
  [[nodiscard]] std::uint32_t size() const override { return size_; }
  [[nodiscard]] Tag most_tag() const override {
    int* most = nullptr;
    int known = 0;
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &most, &known);
    return known != 0 ? static_cast<Tag>(*most) : 32767;  // which all must have
  }

  void send(Rank to, Tag tag, std::span<const std::byte> data, Ticket ticket) override {
    MPI_Isend(data.data(), static_cast<int>(data.size()), MPI_BYTE, static_cast<int>(index(to)),
              static_cast<int>(tag), MPI_COMM_WORLD, add_request(ticket));
  }

  void receive(Rank from, Tag tag, std::span<std::byte> data, Ticket ticket) override {
    MPI_Irecv(data.data(), static_cast<int>(data.size()), MPI_BYTE, static_cast<int>(index(from)),
              static_cast<int>(tag), MPI_COMM_WORLD, add_request(ticket));
  }

  std::optional<Ticket> poll() override {
    check_signal();
    check_failures();
    if (done_.empty()) test_requests();
    if (done_.empty()) return std::nullopt;
    const Ticket ticket = done_.front();
    done_.pop_front();
    return ticket;
  }

 private:
  MPI_Request* add_request(Ticket ticket) {
    tickets_.push_back(ticket);
    return &requests_.emplace_back(MPI_REQUEST_NULL);
  }

  void check_signal() const {
    if (const int signal = *signal_; signal != 0)
      throw Stopped(fmt::format("ended by signal {} ({})", signal, strsignal(signal)));
  }

  void check_failures() {
    if (failure_ == MPI_REQUEST_NULL) return;
    int arrived = 0, length = 0;
    MPI_Status status;
    MPI_Test(&failure_, &arrived, &status);
    if (arrived == 0) return;
    MPI_Get_count(&status, MPI_CHAR, &length);
    throw ReplayError(std::string(line_.data(), static_cast<std::size_t>(length)));
  }

  void test_requests() {
    if (requests_.empty()) return;
    ended_.resize(requests_.size());
    int count = 0;
    MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &count, ended_.data(),
                 MPI_STATUSES_IGNORE);
    if (count == MPI_UNDEFINED || count == 0) return;
    for (int i = 0; i < count; ++i) done_.push_back(tickets_[static_cast<std::size_t>(ended_[i])]);
    forget_ended();
  }

  // MPI_Testsome sets the requests that have ended to null.
  void forget_ended() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i] == MPI_REQUEST_NULL) continue;
      requests_[kept] = requests_[i];
      tickets_[kept++] = tickets_[i];
    }
    requests_.resize(kept);
    tickets_.resize(kept);
  }

  const volatile std::sig_atomic_t* signal_;
  Rank rank_{};
  std::uint32_t size_ = 0;
  std::vector<MPI_Request> requests_;  // under way
  std::vector<Ticket> tickets_;        // of those
  std::vector<int> ended_;
  std::deque<Ticket> done_;
  MPI_Request failure_ = MPI_REQUEST_NULL;  // rank 0: the line of a rank that fails
  std::array<char, 2048> line_{};
};

// Open MPI calls sched_yield when a poll finds nothing and there are more ranks than cores: see
// Transport::wait, which naps. What the user sets stays.
void poll_without_yielding() {
  constexpr int kKeep = 0;
  setenv("OMPI_MCA_mpi_yield_when_idle", "0", kKeep);
}

class MpiJob final : public Job {
 public:
  explicit MpiJob(const JobOptions& options) {
    poll_without_yielding();
    {
      const InitWatch watch(options);
      int provided = 0;  // the watch's thread calls nothing of MPI
      MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    }
    transport_ = std::make_unique<MpiTransport>(options.signal);
  }
  MpiJob(const MpiJob&) = delete;
  MpiJob& operator=(const MpiJob&) = delete;
  ~MpiJob() override {
    transport_.reset();
    MPI_Finalize();
  }

  Transport& transport() override { return *transport_; }

  void hand_over(std::string_view line) override {
    if (transport_->rank() == Rank{0}) return;
    // Rank 0 looks at every poll; where it has not ended this process by then, it is not there to do so.
    constexpr Time kLimit{2'000'000'000};
    line = line.substr(0, kMostLine);
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Isend(line.data(), static_cast<int>(line.size()), MPI_CHAR, 0, kFailureTag, MPI_COMM_WORLD, &request);
    for (const Time end = clock_now() + kLimit; clock_now() < end;) {
      int sent = 0;
      MPI_Test(&request, &sent, MPI_STATUS_IGNORE);
      const timespec nap{0, 1'000'000};
      nanosleep(&nap, nullptr);
    }
  }

  void abort() override {
    MPI_Abort(MPI_COMM_WORLD, 1);
    std::_Exit(1);  // should it return
  }

 private:
  static constexpr std::size_t kMostLine = 2048;

  std::unique_ptr<MpiTransport> transport_;
};

}  // namespace

bool has_mpi() {
  return true;
}

// Libraries go on with who packed them, after a comma.
std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string_view whole(text.data(), static_cast<std::size_t>(length));
  return std::string(whole.substr(0, whole.find_first_of(",\n")));
}

std::unique_ptr<Job> join_mpi_job(const JobOptions& options) {
  return std::make_unique<MpiJob>(options);
}

}  // namespace ppsim
