// Behind the meeting: a connection for messages and one for control between each two ranks.
#include <fmt/format.h>

#include <algorithm>

#include "replay/tcp/meeting.hpp"

namespace ppsim {
namespace {

constexpr Time kConnectTry{3'000'000'000};

class MeshBuilder {
 public:
  MeshBuilder(FoundRanks found, const JobOptions& options)
      : found_(std::move(found)),
        options_(options),
        own_(static_cast<std::uint32_t>(control().own())),
        data_(control().size()),
        end_(clock_now() + options.patience) {}

  // Who is called listens already: it answers before it looks.
  Mesh build() {
    for (std::uint32_t rank = 0; rank < own_; ++rank) {
      if (rank > 0) control().add(Rank{rank}, call(rank, Purpose::Control));
      data_[rank] = call(rank, Purpose::Data);
    }
    while (const auto missing = first_missing()) {
      nap_before_look();
      for (Caller& caller : found_.reception.receive()) receive(std::move(caller));
      check();
      if (clock_now() >= end_)
        fail(fmt::format("rank {} does not connect within {}", *missing, seconds(options_.patience)));
    }
    return {std::move(control()), std::move(data_)};
  }

 private:
  [[nodiscard]] Control& control() { return found_.control; }

  Socket call(std::uint32_t rank, Purpose purpose) {
    const Endpoint place = place_of(rank);
    while (true) {
      Attempt attempt = connect_to(place, std::min(kConnectTry, options_.patience));
      if (attempt.socket.is_open()) say_hello(attempt.socket, hello_for(purpose));
      if (attempt.socket.is_open()) return std::move(attempt.socket);
      check();
      if (clock_now() >= end_)
        fail(fmt::format("rank {} does not answer at {} within {} ({})", rank, to_string(place),
                         seconds(options_.patience), attempt.why));
      nap_before_look();
    }
  }

  // Rank 0 is where it was found.
  [[nodiscard]] Endpoint place_of(std::uint32_t rank) {
    return rank == 0 ? other_end(control().socket(Rank{0})) : found_.places[rank];
  }

  [[nodiscard]] Hello hello_for(Purpose purpose) {
    Hello hello;
    hello.job = found_.job;
    hello.rank = own_;
    hello.size = control().size();
    hello.purpose = purpose;
    return hello;
  }

  void receive(Caller caller) {
    const Hello& hello = caller.hello;
    const bool is_ours = hello.job == found_.job && hello.version == Hello::kVersion && hello.rank > own_ &&
                         hello.rank < control().size();
    if (!is_ours) return;  // of another run
    if (hello.purpose == Purpose::Control)
      control().add(Rank{hello.rank}, std::move(caller.socket));
    else
      data_[hello.rank] = std::move(caller.socket);
  }

  [[nodiscard]] std::optional<std::uint32_t> first_missing() {
    for (std::uint32_t rank = own_ + 1; rank < data_.size(); ++rank) {
      if (!data_[rank].is_open() || !control().is_here(Rank{rank})) return rank;
    }
    return std::nullopt;
  }

  // Of ranks that go meanwhile rank 0 speaks, which is connected to all from the beginning.
  void check() {
    control().look();
    if (control().is_over()) throw JointError("another rank has ended the job");
    const std::string stop = stop_line(options_, Rank{own_});
    if (!stop.empty()) fail_meeting(control(), stop);
    if (const std::string* line = control().heard(Word::Fault)) fail_meeting(control(), *line);
    if (own_ != 0 && !control().is_here(Rank{0})) fail("rank 0 has gone before all ranks had met");
    if (own_ != 0) return;
    for (std::uint32_t rank = 1; rank < data_.size(); ++rank) {
      if (!control().is_here(Rank{rank}))
        fail(fmt::format("rank {} has gone before all ranks had met", rank));
    }
  }

  [[noreturn]] void fail(const std::string& what) {
    fail_meeting(control(), fmt::format("rank {}: {}", own_, what));
  }

  FoundRanks found_;
  const JobOptions& options_;
  std::uint32_t own_;
  std::vector<Socket> data_;  // [ranks]
  Time end_;
};

}  // namespace

Mesh connect_all(FoundRanks found, const JobOptions& options) {
  return MeshBuilder(std::move(found), options).build();
}

}  // namespace ppsim
