// What a library gave out and must know again.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace fakes {

/// Handles that were given out and are still good. Any address may be asked for.
template <class T>
class Handles {
 public:
  T* add(std::shared_ptr<T> object) {
    const std::scoped_lock lock(mutex_);
    T* const handle = object.get();
    objects_[handle] = std::move(object);
    return handle;
  }
  /// Null where there is none.
  std::shared_ptr<T> find(T* handle) {
    const std::scoped_lock lock(mutex_);
    const auto found = objects_.find(handle);
    return found == objects_.end() ? nullptr : found->second;
  }
  std::shared_ptr<T> remove(T* handle) {
    const std::scoped_lock lock(mutex_);
    const auto node = objects_.extract(handle);
    return node.empty() ? nullptr : node.mapped();
  }
  template <class Visit>
  void for_each(Visit visit) {
    const std::scoped_lock lock(mutex_);
    for (const auto& [handle, object] : objects_) visit(object);
  }

 private:
  std::mutex mutex_;
  std::map<T*, std::shared_ptr<T>> objects_;
};

}  // namespace fakes
