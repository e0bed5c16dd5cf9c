#include "replay/tcp/inbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ppsim {
namespace {

// The first of a tag; tags without any are forgotten.
template <class Item>
std::optional<Item> take_first(std::map<Tag, std::deque<Item>>& items, Tag tag) {
  const auto found = items.find(tag);
  if (found == items.end()) return std::nullopt;
  Item first = std::move(found->second.front());
  found->second.pop_front();
  if (found->second.empty()) items.erase(found);
  return first;
}

}  // namespace

void Inbox::receive(Tag tag, std::span<std::byte> data, Ticket ticket) {
  if (const auto message = take_first(kept_, tag)) {
    check_length(tag, message->size(), data.size());
    std::copy(message->begin(), message->end(), data.begin());
    done_.push_back(ticket);
  } else if (comes_ && tag_ == tag && !ticket_) {
    take_over(data, ticket);
  } else {
    posted_[tag].push_back({data, ticket});
  }
}

// What has not come yet of an unexpected message goes straight to where it belongs.
void Inbox::take_over(std::span<std::byte> data, Ticket ticket) {
  check_length(tag_, buffer_.size(), data.size());
  std::copy_n(buffer_.begin(), filled_, data.begin());
  buffer_ = {};
  target_ = data;
  ticket_ = ticket;
}

void Inbox::begin(Tag tag, std::uint64_t length) {
  comes_ = true;
  tag_ = tag;
  filled_ = 0;
  if (const auto posted = take_first(posted_, tag)) {
    check_length(tag, length, posted->data.size());
    target_ = posted->data;
    ticket_ = posted->ticket;
  } else {
    buffer_.resize(length);
    target_ = buffer_;
  }
  if (length == 0) end();
}

void Inbox::advance(std::size_t bytes) {
  filled_ += bytes;
  if (comes_ && filled_ == target_.size()) end();
}

void Inbox::end() {
  if (ticket_)
    done_.push_back(*ticket_);
  else
    kept_[tag_].push_back(std::move(buffer_));
  buffer_ = {};
  target_ = {};
  filled_ = 0;
  ticket_.reset();
  comes_ = false;
}

void Inbox::check_length(Tag tag, std::uint64_t length, std::uint64_t expected) const {
  if (length == expected) return;
  throw ReplayError(fmt::format("rank {}: a message of rank {} (tag {}) has {} bytes: expected {}",
                                index(own_), index(from_), tag, length, expected));
}

}  // namespace ppsim
