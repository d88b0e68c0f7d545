#pragma once
// One compiled network with its lanes and the requests in them, and how far its current evaluation is. Recorded in
// slices: dispatches of the evaluation, then the images of lanes that finished or want a preview, then the next one.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/cost_model.h"
#include "engine/image_output.h"
#include "engine/lanes.h"
#include "slice.h"
#include "work.h"

namespace rivulet::plugin {

/// Thread-safety: the context's lock, but for the constructor. Allocates nothing after construction.
class Batch {
 public:
  /// `weights` fit `built`. Errors: OutOfDeviceMemory.
  Batch(std::shared_ptr<Model> model, std::shared_ptr<const graph::WeightBuffer> weights, vk::PipelineCache& pipelines,
        engine::LaneGraph built, const engine::LaneShape& shape, std::uint64_t bytes, OpStatistics& ops);

  const engine::LaneShape& shape() const { return lanes_.shape(); }
  const std::shared_ptr<Model>& model() const { return model_; }
  std::uint64_t bytes() const { return bytes_; }            // taken from the context's memory
  std::uint64_t lastSerial() const { return lastSerial_; }  // of the last recording that used it
  std::uint64_t lastUse = 0;                                // for choosing which goes first

  bool idle() const { return lanes_.activeCount() == 0; }
  /// Requests may be put into lanes only between evaluations.
  bool atBoundary() const { return !evaluating_ && outputs_.empty(); }
  std::uint32_t freeLanes() const { return atBoundary() ? shape().lanes - lanes_.activeCount() : 0; }
  engine::Rank bestRank() const;
  void assign(std::shared_ptr<Work> work);

  /// What happened in a call of advance().
  struct Progress {
    bool boundary = false;  // an evaluation and its images are complete; else the slice is full
    std::uint32_t evaluations = 0, laneEvaluations = 0;
  };
  /// Records on, until the next boundary or until nothing more fits. Works whose image is complete go to `recorded`,
  /// which has room for all lanes.
  Progress advance(Slice& slice, std::vector<std::shared_ptr<Work>>& recorded);

  /// Takes a request out, wherever it is; what is recorded of it already goes on. Returns it: it has to live until
  /// lastSerial() has finished.
  std::shared_ptr<Work> cancel(std::uint32_t lane);
  /// Something recorded never ran: all lanes begin again.
  void restart();

  /// Microseconds of a plan of so many evaluations, with all that it may have to wait for in the batch, and of the
  /// longest piece of work that is recorded at once.
  double planCost(std::uint32_t evaluations) const;
  double longestPiece() const;
  /// Of one evaluation as measured, of mixed precision one in halves; 0 until all of it has been.
  double evaluationTime() const;

 private:
  struct Output {
    std::uint32_t lane = 0;
    bool preview = false;
    std::uint32_t unit = 0, part = 0;  // the next
  };
  void beginEvaluation(Slice& slice);
  bool recordDispatches(Slice& slice);
  void recordParts(Slice& slice);
  void endEvaluation(Progress& progress);
  bool recordOutputs(Slice& slice, std::vector<std::shared_ptr<Work>>& recorded);
  void takeOut(std::uint32_t lane);
  bool anyTakesPart() const;

  std::shared_ptr<Model> model_;
  engine::Lanes lanes_;
  engine::ImageOutput output_;
  engine::CostModel costs_;    // dispatches, then units of images
  std::string name_;           // of its labels
  std::vector<OpTotal*> ops_;  // of dispatches, by index
  OpTotal *pictures_, *mips_, *texels_, *copies_;
  std::uint64_t bytes_;
  std::vector<std::shared_ptr<Work>> works_;  // per lane; null: free, or cancelled within an evaluation
  std::vector<Output> outputs_;               // to do, the next one last
  bool evaluating_ = false;
  std::uint32_t cursor_ = 0, part_ = 0;     // next dispatch of the evaluation, and part of it
  std::vector<graph::DispatchPart> parts_;  // of this slice
  std::uint64_t lastSerial_ = 0;
};

}  // namespace rivulet::plugin
