// What all fakes share: one line on stderr, numbers and injected faults from the environment.
#pragma once

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>

namespace fakes {

inline void complain(const std::string& what) {
  const std::string line = "fake GPU library: " + what + "\n";
  std::fputs(line.c_str(), stderr);
}

/// For what no program that is right can make happen, and what a real library would answer with a hang or
/// wrong data.
[[noreturn]] inline void give_up(const std::string& what) {
  complain(what);
  std::abort();
}

inline long long parse_number(const char* variable, std::string_view text) {
  long long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) {
    give_up(std::string(variable) + ": '" + std::string(text) + "' is not a number from 0");
  }
  return number;
}

inline long long number_from_environment(const char* variable, long long otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : parse_number(variable, text);
}

/// Calls that must fail: "ncclSend:3,ncclRecv:1" is the third ncclSend and the first ncclRecv of this
/// process.
class Faults {
 public:
  explicit Faults(const char* variable) {
    const char* text = std::getenv(variable);
    for (std::string_view rest = text == nullptr ? "" : text; !rest.empty();) {
      const std::string_view fault = rest.substr(0, rest.find(','));
      rest.remove_prefix(fault.size() == rest.size() ? rest.size() : fault.size() + 1);
      const size_t colon = fault.find(':');
      if (colon == std::string_view::npos || colon == 0) {
        give_up(std::string(variable) + ": '" + std::string(fault) + "' is not FUNCTION:CALL");
      }
      calls_left_[std::string(fault.substr(0, colon))] = parse_number(variable, fault.substr(colon + 1));
    }
  }

  /// Counts this call of `function`; true for the one that must fail.
  bool strikes(const char* function) {
    if (calls_left_.empty()) return false;
    const std::scoped_lock lock(mutex_);
    const auto found = calls_left_.find(function);
    return found != calls_left_.end() && --found->second == 0;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, long long> calls_left_;
};

}  // namespace fakes
