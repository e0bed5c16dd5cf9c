// Rank 0's part of the meeting.
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "replay/tcp/meeting.hpp"
#include "replay/tcp/table.hpp"

namespace ppsim {
namespace {

// Who comes so soon after something went wrong is still told that it did, and need not say that rank 0 is
// not there.
constexpr Time kGrace{2'000'000'000};

std::uint64_t random_number() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

class FirstRank {
 public:
  FirstRank(const Launched& launched, const JobOptions& options)
      : launched_(launched),
        options_(options),
        control_(Rank{0}, launched.size),
        places_(launched.size),
        has_come_(launched.size) {
    has_come_[0] = true;
  }

  FoundRanks meet() {
    listen();
    for (Time end = clock_now() + options_.patience; came_ + 1 < launched_.size && clock_now() < end;) {
      look();
      if (!fault_.empty()) end = std::min(end, since_fault_ + kGrace);
      nap_before_look();
    }
    if (came_ + 1 < launched_.size) note_fault(missing_line());
    if (!fault_.empty()) fail();
    const std::uint64_t job = random_number();
    control_.tell_all(Word::Table, to_text({job, places_}));
    return {std::move(control_), std::move(reception_), job, std::move(places_)};
  }

 private:
  // Where all are on one machine, no other needs to reach it.
  void listen() try {
    reception_ =
        Reception(listen_at({is_loopback(launched_.address) ? launched_.address : "", launched_.port}));
  } catch (const ReplayError& error) {
    throw ReplayError(fmt::format("rank 0: {}: expected a port that is free (MASTER_PORT)", error.what()));
  }

  void look() {
    for (Caller& caller : reception_.receive()) receive(std::move(caller));
    control_.look();
    if (const std::string* line = control_.heard(Word::Fault)) note_fault(*line);
    note_fault(stop_line(options_, Rank{0}));
    for (std::uint32_t rank = 1; rank < launched_.size; ++rank) {
      if (has_come_[rank] && !control_.is_here(Rank{rank}))
        note_fault(fmt::format("rank 0: rank {} has gone before all ranks had started", rank));
    }
  }

  void note_fault(const std::string& line) {
    if (line.empty() || !fault_.empty()) return;
    fault_ = line;
    since_fault_ = clock_now();
  }

  void receive(Caller caller) {
    const Hello& hello = caller.hello;
    const std::string fault = fault_of(hello);
    ++came_;
    if (!fault.empty()) {
      note_fault("rank 0: " + fault);
      refused_.emplace_back(std::move(caller.socket)).tell(Word::Over, {});
      return;
    }
    const Rank rank{hello.rank};
    has_come_[hello.rank] = true;
    places_[hello.rank] = {hello.address.data(), hello.port};
    control_.add(rank, std::move(caller.socket));
    control_.tell(rank, Word::Welcome);
  }

  [[nodiscard]] std::string fault_of(const Hello& hello) const {
    if (hello.version != Hello::kVersion)
      return fmt::format(
          "a process that calls speaks version {} of the protocol, and rank 0 version {}: "
          "expected the same ppsim everywhere",
          hello.version, Hello::kVersion);
    if (hello.size != launched_.size)
      return fmt::format(
          "rank {} was told of {} ranks, and rank 0 of {}: expected the same everywhere "
          "(WORLD_SIZE)",
          hello.rank, hello.size, launched_.size);
    if (hello.rank >= launched_.size || has_come_[hello.rank])
      return fmt::format("two processes say that they are rank {}: expected each rank once (RANK)",
                         hello.rank);
    return {};
  }

  [[nodiscard]] std::string missing_line() const {
    std::string ranks;
    std::uint32_t count = 0;
    for (std::uint32_t rank = 0; rank < launched_.size; ++rank) {
      if (has_come_[rank]) continue;
      ranks += fmt::format("{}{}", count++ == 0 ? "" : ", ", rank);
    }
    return fmt::format("rank 0: not all ranks have started within {}: {} {} missing",
                       seconds(options_.patience), (count == 1 ? "rank " : "ranks ") + ranks,
                       count == 1 ? "is" : "are");
  }

  [[noreturn]] void fail() { fail_meeting(control_, fault_); }

  const Launched& launched_;
  const JobOptions& options_;
  Reception reception_;
  Control control_;
  std::vector<Endpoint> places_;  // [ranks]
  std::vector<bool> has_come_;    // [ranks]
  std::vector<ControlLink> refused_;
  std::uint32_t came_ = 0;  // in any version
  std::string fault_;       // the first
  Time since_fault_{};
};

}  // namespace

FoundRanks meet_as_first(const Launched& launched, const JobOptions& options) {
  return FirstRank(launched, options).meet();
}

}  // namespace ppsim
