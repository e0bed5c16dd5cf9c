// What ranks tell one another beside the messages of a replay: short words, each on the pair's own
// connection.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ppsim/core/ids.hpp"
#include "replay/tcp/sockets.hpp"

namespace ppsim {

enum class Word : std::uint32_t {
  Welcome,  ///< rank 0 to each, when it comes: the program at that port is rank 0
  Table,    ///< rank 0 to each, when all have come: where they listen
  Fault,    ///< of a rank that fails, to another: the line to say
  Over,     ///< somebody says why, and the job ends
  Done,     ///< to rank 0: all is done; from rank 0: all ranks are
};

class ControlLink {
 public:
  ControlLink() = default;
  explicit ControlLink(Socket socket) : socket_(std::move(socket)) {}

  void tell(Word word, std::string_view text);
  /// Reads what has come, and sends what has not gone.
  void look();
  /// The first of that word.
  [[nodiscard]] const std::string* heard(Word word) const;
  [[nodiscard]] const Socket& socket() const { return socket_; }

 private:
  void send();
  void take_words();

  Socket socket_;
  std::string incoming_, outgoing_;
  std::map<Word, std::string> heard_;
};

/// One rank's links to all others.
class Control {
 public:
  Control(Rank own, std::uint32_t size) : own_(own), links_(size) {}

  void add(Rank rank, Socket socket) { links_[index(rank)] = ControlLink(std::move(socket)); }
  void tell(Rank to, Word word, std::string_view text = {}) { links_[index(to)].tell(word, text); }
  void tell_all(Word word, std::string_view text = {});
  void look();
  void look(Rank at) { links_[index(at)].look(); }

  [[nodiscard]] Rank own() const { return own_; }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(links_.size()); }
  /// Its connection is there.
  [[nodiscard]] bool is_here(Rank rank) const { return links_[index(rank)].socket().is_open(); }
  [[nodiscard]] const Socket& socket(Rank rank) const { return links_[index(rank)].socket(); }
  [[nodiscard]] const std::string* heard(Rank from, Word word) const {
    return links_[index(from)].heard(word);
  }
  /// From any, the lowest first.
  [[nodiscard]] const std::string* heard(Word word) const;
  [[nodiscard]] bool is_over() const { return heard(Word::Over) != nullptr; }

 private:
  Rank own_;
  std::vector<ControlLink> links_;  // [ranks], its own closed
};

/// Until the next look, where nothing is to be quick.
void nap_before_look();

}  // namespace ppsim
