// Processes on hosts: messages over any Transport, products on one core.
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>

#include "replay/bench/probe.hpp"
#include "replay/matrix_product.hpp"

namespace ppsim {
namespace {

constexpr Tag kProbeTag = kFirstFreeTag;

// More takes no other share of the peak, but seconds where cores are shared. Matrices of so many numbers a
// side are 64 MiB.
constexpr double kMostFlops = 1e9;
constexpr std::uint64_t kMostWidth = 4096;

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "processor";
}

std::vector<float>& grow(std::vector<float>& matrix, std::uint64_t rows, std::uint64_t columns) {
  if (matrix.size() < rows * columns) matrix.resize(rows * columns, 1.0F);
  return matrix;
}

// `before` each repeat, outside its time.
template <class Act>
std::vector<Time> time_each(
    std::uint32_t count, Act&& act, const std::function<void()>& before = [] {}) {
  std::vector<Time> times;
  for (std::uint32_t i = 0; i < count; ++i) {
    before();
    const Time begin = clock_now();
    act();
    times.push_back(clock_now() - begin);
  }
  return times;
}

class HostProbe final : public Probe {
 public:
  HostProbe(Group& group, std::uint32_t sharing)
      : transport_(group.transport()), patience_(group.patience()), sharing_(sharing) {
    use_one_thread();
  }

  std::vector<Time> bounce(Rank peer, bool begins, Bytes size, std::uint32_t count) override {
    make_room(size);
    std::vector<Time> times = time_each(count, [&] {
      if (begins) send(peer, size);
      receive(peer, size);
      if (!begins) send(peer, size);
    });
    for (Time& time : times) time /= 2;
    return times;
  }

  std::vector<Time> swap(Rank peer, Bytes size, std::uint32_t count) override {
    make_room(size);
    return time_each(count, [&] {
      post_receive(peer, size);
      post_send(peer, size);
      finish(peer);
      finish(peer);
    });
  }

  [[nodiscard]] Device device() const override {
    const auto pages = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES));
    return {"a core of " + processor_name(), Bytes(pages * sysconf(_SC_PAGESIZE) / sharing_), Dtype::Fp32};
  }

  // As many rows as the FLOPs allow.
  [[nodiscard]] ProductShape largest_product(const ProductShape& shape) const override {
    ProductShape cut{0, std::min(shape.columns, kMostWidth), std::min(shape.inner, kMostWidth)};
    const double row = 2.0 * static_cast<double>(cut.columns) * static_cast<double>(cut.inner);
    cut.rows = std::min(shape.rows, static_cast<std::uint64_t>(std::max(kMostFlops / row, 1.0)));
    return cut;
  }

  std::vector<Time> multiply(const ProductShape& shape, std::uint32_t count) override {
    float* a = grow(a_, shape.rows, shape.inner).data();
    float* b = grow(b_, shape.inner, shape.columns).data();
    float* c = grow(c_, shape.rows, shape.columns).data();
    return time_each(
        count, [&] { ppsim::multiply(shape.rows, shape.columns, shape.inner, a, b, c); }, watch());
  }

  std::vector<Time> copy(Bytes size, std::uint32_t count) override {
    make_room(size);
    const auto bytes = static_cast<std::size_t>(size.count());
    return time_each(
        count, [&] { std::memcpy(incoming_.data(), outgoing_.data(), bytes); }, watch());
  }

 private:
  // Written once, so that no repeat pays for fresh pages.
  void make_room(Bytes size) {
    const auto bytes = static_cast<std::size_t>(size.count());
    if (outgoing_.size() >= bytes) return;
    outgoing_.assign(bytes, std::byte{1});
    incoming_.assign(bytes, std::byte{1});
  }

  void post_send(Rank peer, Bytes size) {
    transport_.send(peer, kProbeTag, std::span(outgoing_).first(static_cast<std::size_t>(size.count())), 0);
  }
  void post_receive(Rank peer, Bytes size) {
    transport_.receive(peer, kProbeTag, std::span(incoming_).first(static_cast<std::size_t>(size.count())),
                       0);
  }
  void send(Rank peer, Bytes size) {
    post_send(peer, size);
    finish(peer);
  }
  void receive(Rank peer, Bytes size) {
    post_receive(peer, size);
    finish(peer);
  }

  [[nodiscard]] ReplayError stopped_in(const Stopped& stopped, const std::string& what) const {
    return ReplayError(
        fmt::format("rank {}: {} while it measured {}", index(transport_.rank()), stopped.what(), what));
  }

  // Looks for signals and failed ranks, of which a rank that computes hears nothing else.
  [[nodiscard]] std::function<void()> watch() {
    return [this] {
      try {
        (void)transport_.poll();
      } catch (const Stopped& stopped) {
        throw stopped_in(stopped, "products and copies");
      }
    };
  }

  void finish(Rank peer) {
    try {
      if (transport_.wait(clock_now() + patience_)) return;
    } catch (const Stopped& stopped) {
      throw stopped_in(stopped, fmt::format("messages with rank {}", index(peer)));
    }
    throw ReplayError(fmt::format("rank {}: a message to or from rank {} takes more than {} s",
                                  index(transport_.rank()), index(peer),
                                  std::chrono::duration<double>(patience_).count()));
  }

  Transport& transport_;
  Time patience_;
  std::uint32_t sharing_;
  Blob outgoing_, incoming_;
  std::vector<float> a_, b_, c_;
};

}  // namespace

bool host_can_multiply() {
  return has_blas();
}

std::unique_ptr<Probe> make_host_probe(Group& group, std::uint32_t sharing) {
  return std::make_unique<HostProbe>(group, sharing);
}

}  // namespace ppsim
