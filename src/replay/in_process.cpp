#include "replay/in_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <limits>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

// A send or a receive that has not met its partner.
struct Offer {
  Rank from, to;
  Tag tag;
  std::span<const std::byte> source;
  std::span<std::byte> target;
  Ticket ticket;

  [[nodiscard]] bool meets(const Offer& other) const {
    return from == other.from && to == other.to && tag == other.tag;
  }
};

// Where all ranks meet.
class Exchange {
 public:
  explicit Exchange(std::uint32_t ranks) : done_(ranks) {}

  void send(const Offer& offer) {
    const std::scoped_lock lock(mutex_);
    meet(offer, sends_, receives_);
  }

  void receive(const Offer& offer) {
    const std::scoped_lock lock(mutex_);
    meet(offer, receives_, sends_);
  }

  std::optional<Ticket> poll(Rank rank) {
    const std::scoped_lock lock(mutex_);
    if (failure_) throw ReplayError(fmt::format("rank {}: another rank has failed", index(rank)));
    std::deque<Ticket>& done = done_[index(rank)];
    if (done.empty()) return std::nullopt;
    const Ticket ticket = done.front();
    done.pop_front();
    return ticket;
  }

  void fail(std::exception_ptr failure) {
    const std::scoped_lock lock(mutex_);
    if (!failure_) failure_ = std::move(failure);
  }

  [[nodiscard]] std::exception_ptr failure() const { return failure_; }

 private:
  void meet(const Offer& offer, std::list<Offer>& own, std::list<Offer>& others) {
    const auto partner =
        std::find_if(others.begin(), others.end(), [&](const Offer& other) { return other.meets(offer); });
    if (partner == others.end()) return own.push_back(offer);
    const bool sends = &own == &sends_;
    const Offer& send = sends ? offer : *partner;
    const Offer& receive = sends ? *partner : offer;
    PPSIM_ASSERT(send.source.size() == receive.target.size(), "a message is not as long as its receive");
    std::copy(send.source.begin(), send.source.end(), receive.target.begin());
    done_[index(send.from)].push_back(send.ticket);
    done_[index(receive.to)].push_back(receive.ticket);
    others.erase(partner);
  }

  std::mutex mutex_;
  std::list<Offer> sends_, receives_;
  std::vector<std::deque<Ticket>> done_;  // [ranks]
  std::exception_ptr failure_;
};

class InProcess final : public Transport {
 public:
  InProcess(Exchange& exchange, Rank rank, std::uint32_t size)
      : exchange_(exchange), rank_(rank), size_(size) {}

  [[nodiscard]] Rank rank() const override { return rank_; }
  [[nodiscard]] std::uint32_t size() const override { return size_; }
  [[nodiscard]] Tag most_tag() const override { return std::numeric_limits<Tag>::max(); }

  void send(Rank to, Tag tag, std::span<const std::byte> data, Ticket ticket) override {
    exchange_.send({rank_, to, tag, data, {}, ticket});
  }
  void receive(Rank from, Tag tag, std::span<std::byte> data, Ticket ticket) override {
    exchange_.receive({from, rank_, tag, {}, data, ticket});
  }
  std::optional<Ticket> poll() override { return exchange_.poll(rank_); }

 private:
  Exchange& exchange_;
  Rank rank_;
  std::uint32_t size_;
};

}  // namespace

void run_in_process(std::uint32_t ranks, const std::function<void(Transport&)>& body) {
  Exchange exchange(ranks);
  std::vector<std::thread> threads;
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        InProcess transport(exchange, Rank{rank}, ranks);
        body(transport);
      } catch (...) {
        exchange.fail(std::current_exception());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (exchange.failure()) std::rethrow_exception(exchange.failure());
}

}  // namespace ppsim
