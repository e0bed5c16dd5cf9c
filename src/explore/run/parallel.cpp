#include "explore/run/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace ppsim {
namespace {

// What the threads share. Once a call has thrown no other is handed out; all below it have been.
class Queue {
 public:
  explicit Queue(std::size_t count) : count_(count) {}

  void work(const std::function<std::function<void(std::size_t)>()>& make_body) {
    std::function<void(std::size_t)> body;
    for (std::size_t i = next_++; i < count_; i = next_++) {
      try {
        if (!body) body = make_body();
        body(i);
      } catch (...) {
        note_failure(i);
      }
    }
  }

  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void note_failure(std::size_t i) {
    const std::lock_guard lock(mutex_);
    if (!failure_ || i < failed_) {
      failure_ = std::current_exception();
      failed_ = i;
    }
    next_ = count_;
  }

  std::size_t count_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::exception_ptr failure_;
  std::size_t failed_ = 0;
};

}  // namespace

void for_each_index(std::size_t count, unsigned threads,
                    const std::function<std::function<void(std::size_t)>()>& make_body) {
  const std::size_t wanted = threads > 0 ? threads : std::max(std::thread::hardware_concurrency(), 1U);
  Queue queue(count);
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < std::min(wanted, count); ++i)
    others.emplace_back([&] { queue.work(make_body); });
  queue.work(make_body);
  others.clear();  // waits for them
  queue.rethrow();
}

}  // namespace ppsim
