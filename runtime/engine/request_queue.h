#pragma once
// Waiting requests by priority, with ageing: nobody waits for ever.
//
// Every request served makes those that wait a little more urgent: their rank is kStep * priority + (number served
// since they came). The number served is the same for all of them, so ranks keep their order, and a rank is fixed on
// arrival as kStep * priority - (number served before): a heap holds them, and ageing costs nothing.

#include <algorithm>
#include <cstdint>
#include <vector>

namespace rivulet::engine {

using Rank = std::int64_t;

/// The count that the queues of one scheduler share.
class Ageing {
 public:
  static constexpr Rank kStep = 16;  // as many served later outweigh one level of priority
  Rank rankNow(std::int32_t priority) const { return kStep * priority - served_; }
  void served() { ++served_; }

 private:
  Rank served_ = 0;
};

/// Equal ranks in order of arrival. push() may allocate, pop() does not. Thread-safety: one thread at a time.
template <class T>
class RequestQueue {
 public:
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  void push(T item, Rank rank) {
    heap_.push_back({rank, order_++, std::move(item)});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  const T& top() const { return heap_.front().item; }
  Rank topRank() const { return heap_.front().rank; }
  T pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    T item = std::move(heap_.back().item);
    heap_.pop_back();
    return item;
  }
  /// Takes `item` out, wherever it is. False if it is not here.
  bool remove(const T& item) {
    const auto found = std::find_if(heap_.begin(), heap_.end(), [&](const Entry& e) { return e.item == item; });
    if (found == heap_.end()) return false;
    *found = std::move(heap_.back());
    heap_.pop_back();
    std::make_heap(heap_.begin(), heap_.end(), later);
    return true;
  }

 private:
  struct Entry {
    Rank rank;
    std::uint64_t order;
    T item;
  };
  static bool later(const Entry& a, const Entry& b) { return a.rank != b.rank ? a.rank < b.rank : a.order > b.order; }

  std::vector<Entry> heap_;
  std::uint64_t order_ = 0;
};

}  // namespace rivulet::engine
