// A job without MPI: ranks that the environment tells of one another, over TCP.
#include "replay/job.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "replay/tcp/transport.hpp"

namespace ppsim {
namespace {

// Each looks at every poll; who does not answer by then is not there to do so.
constexpr Time kAnswer{2'000'000'000};
// For rank 0, behind all that the ranks do together: it may have large files to write.
constexpr Time kLast{300'000'000'000};

Mesh join_mesh(const Launched& launched, const JobOptions& options) {
  if (launched.size == 1) {
    Mesh alone{Control(Rank{0}, 1), {}};
    alone.data.resize(1);
    return alone;
  }
  FoundRanks found =
      launched.rank == Rank{0} ? meet_as_first(launched, options) : meet_as_other(launched, options);
  return connect_all(std::move(found), options);
}

class TcpJob final : public Job {
 public:
  TcpJob(const Launched& launched, const JobOptions& options)
      : options_(options),
        transport_(join_mesh(launched, options), options.signal),
        control_(transport_.control()) {}
  TcpJob(const TcpJob&) = delete;
  TcpJob& operator=(const TcpJob&) = delete;
  ~TcpJob() override { control_.own() == Rank{0} ? await_others() : await_first(); }

  Transport& transport() override { return transport_; }

  void hand_over(std::string_view line) override {
    if (hand_to_lowest(control_, line, kAnswer)) std::_Exit(1);
  }

  void abort() override {
    end_all(control_);
    std::_Exit(1);
  }

 private:
  // Rank 0 has what it wants: who goes now only goes early.
  void await_others() {
    for (const Time end = clock_now() + options_.patience; clock_now() < end && is_anybody_busy();) {
      if (is_stopped()) break;
      nap_before_look();
      control_.look();
    }
    control_.tell_all(Word::Done);
  }

  [[nodiscard]] bool is_anybody_busy() const {
    for (std::uint32_t rank = 1; rank < control_.size(); ++rank) {
      if (control_.is_here(Rank{rank}) && control_.heard(Rank{rank}, Word::Done) == nullptr) return true;
    }
    return false;
  }

  void await_first() {
    control_.tell(Rank{0}, Word::Done);
    for (const Time end = clock_now() + kLast; clock_now() < end && !is_stopped();) {
      control_.look();
      if (control_.heard(Rank{0}, Word::Done) != nullptr) return;
      if (control_.is_over()) std::_Exit(1);
      if (!control_.is_here(Rank{0})) return say_first_has_gone();
      nap_before_look();
    }
  }

  void say_first_has_gone() {
    const std::string line =
        fmt::format("rank {}: rank 0 has gone before the end of the job", index(control_.own()));
    hand_over(line);
    control_.tell_all(Word::Over);
    options_.give_up(line);
  }

  [[nodiscard]] bool is_stopped() const { return options_.signal != nullptr && *options_.signal != 0; }

  JobOptions options_;
  TcpTransport transport_;
  Control& control_;
};

}  // namespace

std::unique_ptr<Job> join_tcp_job(const Launched& launched, const JobOptions& options) {
  return std::make_unique<TcpJob>(launched, options);
}

std::unique_ptr<Job> join_tcp_job(const JobOptions& options) {
  return join_tcp_job(read_launched(), options);
}

}  // namespace ppsim
