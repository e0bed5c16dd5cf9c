// The meeting for all ranks but rank 0.
#include <fmt/format.h>

#include <algorithm>

#include "replay/tcp/meeting.hpp"
#include "replay/tcp/table.hpp"

namespace ppsim {
namespace {

// One address, of a name that may have several.
constexpr Time kTry{3'000'000'000};

// Where rank 0 is not there, nobody can speak for all: the lowest does first, and the launcher ends the
// others, if it does such things.
constexpr Time kTurn{1'000'000'000};
constexpr std::uint32_t kMostTurns = 4;

class OtherRank {
 public:
  OtherRank(const Launched& launched, const JobOptions& options)
      : launched_(launched), options_(options), control_(launched.rank, launched.size) {}

  FoundRanks meet() {
    await_welcome();
    await_table();
    RankTable table = parse_rank_table(*control_.heard(Rank{0}, Word::Table), launched_.size);
    mend_places(table.places);
    return {std::move(control_), std::move(reception_), table.job, std::move(table.places)};
  }

 private:
  void await_welcome() {
    const std::uint32_t turns = std::min(static_cast<std::uint32_t>(launched_.rank), kMostTurns);
    const Time end = clock_now() + options_.patience + turns * kTurn;
    while (!has_heard(Word::Welcome)) {
      if (!control_.is_here(Rank{0})) call_first();
      control_.look();
      if (control_.is_over()) throw JointError("rank 0 has ended the job");
      stop_alone();
      if (clock_now() >= end) throw ReplayError(silence_line());
      nap_before_look();
    }
  }

  // On a signal before rank 0 is found; rank 1 says it for all.
  void stop_alone() const {
    const std::string line = stop_line(options_, launched_.rank);
    if (line.empty()) return;
    if (launched_.rank == Rank{1}) throw ReplayError(line);
    throw JointError(line);
  }

  [[nodiscard]] std::string silence_line() const {
    return fmt::format("rank {}: rank 0 does not answer at {} within {}{}", index(launched_.rank),
                       to_string(first_place()), seconds(options_.patience),
                       why_.empty() ? "" : fmt::format(" ({})", why_));
  }

  [[nodiscard]] Endpoint first_place() const { return {launched_.address, launched_.port}; }
  [[nodiscard]] bool has_heard(Word word) const { return control_.heard(Rank{0}, word) != nullptr; }

  void call_first() {
    Attempt attempt = connect_to(first_place(), std::min(kTry, options_.patience));
    why_ = attempt.why;
    if (!attempt.socket.is_open()) return;
    const Endpoint own = own_end(attempt.socket);
    reception_ = Reception(listen_at({is_loopback(launched_.address) ? own.address : "", 0}));
    Hello hello;
    hello.rank = static_cast<std::uint32_t>(launched_.rank);
    hello.size = launched_.size;
    hello.port = reception_.port();
    own.address.copy(hello.address.data(), hello.address.size() - 1);
    say_hello(attempt.socket, hello);
    control_.add(Rank{0}, std::move(attempt.socket));
  }

  // Rank 0 gives up before this ends, and says so.
  void await_table() {
    for (const Time end = clock_now() + 2 * options_.patience + 10 * kTurn; !has_heard(Word::Table);) {
      nap_before_look();
      control_.look();
      if (control_.is_over()) throw JointError("rank 0 has ended the job");
      const std::string stop = stop_line(options_, launched_.rank);
      if (!stop.empty()) fail_meeting(control_, stop);
      if (!control_.is_here(Rank{0}) || clock_now() >= end)
        throw ReplayError(fmt::format("rank {}: rank 0 {} before all ranks had started",
                                      index(launched_.rank),
                                      control_.is_here(Rank{0}) ? "fell silent" : "has gone"));
    }
  }

  // On some machines their own name means a loopback address. Who came to rank 0 by one is on its machine.
  void mend_places(std::vector<Endpoint>& places) const {
    const std::string first = other_end(control_.socket(Rank{0})).address;
    if (is_loopback(first)) return;
    for (Endpoint& place : places) {
      if (is_loopback(place.address)) place.address = first;
    }
  }

  const Launched& launched_;
  const JobOptions& options_;
  Control control_;
  Reception reception_;
  std::string why_;  // rank 0 could not be reached
};

}  // namespace

FoundRanks meet_as_other(const Launched& launched, const JobOptions& options) {
  return OtherRank(launched, options).meet();
}

}  // namespace ppsim
