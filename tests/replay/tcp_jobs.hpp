/// Jobs over TCP on this machine, with ranks as threads or as processes of a test.
#pragma once

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ppsim/core/error.hpp"
#include "replay/job.hpp"

namespace ppsim::test {

inline constexpr Time kPatience{20'000'000'000};

/// A connection or a listener of the test's own.
class PlainSocket {
 public:
  PlainSocket() : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  PlainSocket(const PlainSocket&) = delete;
  PlainSocket& operator=(const PlainSocket&) = delete;
  ~PlainSocket() { close(descriptor_); }

  [[nodiscard]] int descriptor() const { return descriptor_; }

  /// At a port that is free; returns it.
  std::uint16_t listen_anywhere() {
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    REQUIRE(bind(descriptor_, reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(listen(descriptor_, 8) == 0);
    REQUIRE(getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    return ntohs(address.sin_port);
  }

  [[nodiscard]] bool connects(std::uint16_t port) const {
    const sockaddr_in address = loopback(port);
    return connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  int descriptor_;
};

inline std::uint16_t free_port() {
  return PlainSocket().listen_anywhere();
}

inline std::vector<Launched> launch(std::uint32_t size) {
  const std::uint16_t port = free_port();
  std::vector<Launched> ranks;
  for (std::uint32_t rank = 0; rank < size; ++rank)
    ranks.push_back({Rank{rank}, size, rank, "127.0.0.1", port});
  return ranks;
}

/// One a line, as a test shows where they differ.
inline std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// What came of each, one a line: "", the line of a ReplayError, or "quiet" of a JointError.
inline std::string run_tcp_threads(const std::vector<Launched>& ranks, const std::function<void(Job&)>& body,
                                   Time patience = kPatience,
                                   const volatile std::sig_atomic_t* signal = nullptr) {
  std::vector<std::string> results(ranks.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        const auto job = join_tcp_job(ranks[i], {patience, signal, [](const std::string&) { std::abort(); }});
        body(*job);
      } catch (const JointError&) {
        results[i] = "quiet";
      } catch (const std::exception& error) {
        results[i] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return joined(results);
}

/// What all processes said, and how each ended: its exit code, or minus its signal.
struct Ended {
  std::string lines;
  std::string codes;  ///< of each rank, a blank behind each
};

/// Each rank in a process of its own, which does what the program does where `body` throws.
inline Ended run_tcp_processes(std::uint32_t size, const std::function<void(Job&)>& body) {
  int said[2];
  REQUIRE(pipe(said) == 0);
  const auto say = [&](const std::string& line) {
    (void)!write(said[1], (line + "\n").data(), line.size() + 1);
  };
  std::vector<pid_t> children;
  for (const Launched& launched : launch(size)) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child > 0) {
      children.push_back(child);
      continue;
    }
    try {
      const auto job = join_tcp_job(launched, {kPatience, nullptr, [&](const std::string& line) {
                                                 say(line);
                                                 _exit(1);
                                               }});
      try {
        body(*job);
      } catch (const std::exception& error) {
        job->hand_over(error.what());
        say(error.what());
        job->abort();
      }
    } catch (const JointError&) {
      _exit(1);
    } catch (const std::exception& error) {
      say(error.what());
      _exit(1);
    }
    _exit(0);
  }
  close(said[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t bytes = 0; (bytes = read(said[0], buffer, sizeof(buffer))) > 0;)
    text.append(buffer, static_cast<std::size_t>(bytes));
  close(said[0]);
  std::string codes;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    codes += std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)) + " ";
  }
  return {text, codes};
}

}  // namespace ppsim::test
