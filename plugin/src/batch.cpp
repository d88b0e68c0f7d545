#include "batch.h"

#include <algorithm>
#include <cstdio>

#include "vk/label.h"

namespace rivulet::plugin {
namespace {

std::string nameOf(const Model& model, const engine::LaneShape& shape) {
  return model.network->info().name + " " + std::to_string(shape.width) + "x" + std::to_string(shape.height) + " x" +
         std::to_string(shape.lanes) + (shape.wrap == models::Wrap::Clamp ? " clamped" : "");
}

graph::ExecutableOptions optionsFor(const Model& model, const engine::LaneShape& shape) {
  graph::ExecutableOptions options;
  options.name = nameOf(model, shape);
  return options;
}

std::vector<double> guesses(const graph::Executable& executable, const engine::ImageOutput& output,
                            const vk::DeviceCaps& caps) {
  std::vector<double> result;
  for (std::uint32_t i = 0; i < executable.size(); ++i) {
    const graph::Dispatch& dispatch = executable.dispatch(i);
    result.push_back(engine::guessMicroseconds(caps, dispatch.multiplyAdds, dispatch.bytes));
  }
  const std::vector<double> images = output.guesses();
  result.insert(result.end(), images.begin(), images.end());
  return result;
}

}  // namespace

Batch::Batch(std::shared_ptr<Model> model, std::shared_ptr<const graph::WeightBuffer> weights,
             vk::PipelineCache& pipelines, engine::LaneGraph built, const engine::LaneShape& shape, std::uint64_t bytes,
             OpStatistics& ops)
    : model_(std::move(model)),
      lanes_(model_->network, pipelines, std::move(built), shape, std::move(weights), optionsFor(*model_, shape)),
      output_(pipelines, lanes_.executable(), lanes_.samplerState().x, nameOf(*model_, shape)),
      costs_(guesses(lanes_.executable(), output_, pipelines.device()->caps())),
      name_(nameOf(*model_, shape)),
      pictures_(&ops.of("image: picture")),
      mips_(&ops.of("image: mip level")),
      texels_(&ops.of("image: texels")),
      copies_(&ops.of("image: copy")),
      bytes_(bytes),
      works_(shape.lanes) {
  ops_.reserve(lanes_.executable().size());
  for (std::uint32_t i = 0; i < lanes_.executable().size(); ++i)
    ops_.push_back(&ops.of(lanes_.executable().dispatch(i).op));
  outputs_.reserve(shape.lanes);
  parts_.reserve(Recording::kMostUnits);
}

engine::Rank Batch::bestRank() const {
  engine::Rank best = INT64_MIN;
  for (const std::shared_ptr<Work>& work : works_)
    if (work) best = std::max(best, *work->rank);
  return best;
}

void Batch::assign(std::shared_ptr<Work> work) {
  std::uint32_t lane = 0;
  while (lanes_.active(lane)) ++lane;
  lanes_.assign(lane, work->request, work->plan, work->givenState.size() != 0);
  work->batch = this;
  work->lane = lane;
  work->stepsDone = 0;
  work->state = RVL_STATE_RUNNING;
  works_[lane] = std::move(work);
}

void Batch::takeOut(std::uint32_t lane) {
  lanes_.release(lane);
  if (works_[lane]) works_[lane]->batch = nullptr;
  works_[lane] = nullptr;
}

std::shared_ptr<Work> Batch::cancel(std::uint32_t lane) {
  std::shared_ptr<Work> work = works_[lane];
  work->batch = nullptr;
  works_[lane] = nullptr;
  std::erase_if(outputs_, [&](const Output& output) { return output.lane == lane; });
  // Nobody may want the rest of the evaluation: those that wait for one in another precision need not wait for it.
  if (evaluating_ && !anyTakesPart()) evaluating_ = false;
  if (!evaluating_) {
    for (std::uint32_t i = 0; i < shape().lanes; ++i)
      if (!works_[i]) lanes_.release(i);
  }
  return work;
}

bool Batch::anyTakesPart() const {
  for (std::uint32_t lane = 0; lane < shape().lanes; ++lane)
    if (works_[lane] && lanes_.takesPart(lane)) return true;
  return false;
}

void Batch::restart() {
  evaluating_ = false;
  outputs_.clear();
  for (std::uint32_t lane = 0; lane < shape().lanes; ++lane) {
    if (!works_[lane]) {
      lanes_.release(lane);
      continue;
    }
    lanes_.restart(lane);
    works_[lane]->stepsDone = works_[lane]->previews = 0;
    works_[lane]->previewSerial = 0;
  }
}

double Batch::planCost(std::uint32_t evaluations) const {
  double sum = 0;
  for (std::uint32_t i = 0; i < lanes_.executable().size(); ++i)
    sum += costs_.cost(i) * lanes_.mostRuns(i, evaluations);
  return sum;
}

double Batch::evaluationTime() const {
  double sum = 0;
  for (std::uint32_t i = 0; i < lanes_.executable().size(); ++i) {
    if (lanes_.runs(i, 1) == 0) continue;  // of mixed precision there are two kinds: it is the first
    const double mean = costs_.mean(i);
    if (mean == 0) return 0;
    sum += mean;
  }
  return sum;
}

double Batch::longestPiece() const {
  double longest = 0;
  const graph::Executable& executable = lanes_.executable();
  for (std::uint32_t i = 0; i < executable.size(); ++i) {
    const double cost = costs_.cost(i), part = cost / executable.partCount(i);
    longest = std::max(longest, std::min(cost, std::max(part, Slice::kLongestDispatch)));
  }
  return longest;
}

Batch::Progress Batch::advance(Slice& slice, std::vector<std::shared_ptr<Work>>& recorded) {
  const vk::Label label(slice.device, slice.commands, name_.c_str());
  Progress progress;
  if (!recordOutputs(slice, recorded)) return progress;
  if (idle()) {
    progress.boundary = true;
    return progress;
  }
  if (!evaluating_) beginEvaluation(slice);
  if (!recordDispatches(slice)) return progress;
  endEvaluation(progress);
  progress.boundary = recordOutputs(slice, recorded);
  return progress;
}

void Batch::beginEvaluation(Slice& slice) {
  lastSerial_ = slice.recording.serial;
  lanes_.recordParameters(slice.commands);
  for (std::uint32_t lane = 0; lane < shape().lanes; ++lane) {
    const std::shared_ptr<Work>& work = works_[lane];
    if (work && work->givenState.size() != 0 && lanes_.takesPart(lane) && lanes_.evaluation(lane) == 0)
      lanes_.recordGivenState(slice.commands, lane, work->givenState);
  }
  evaluating_ = true;
  cursor_ = lanes_.firstDispatch();
  part_ = 0;
}

bool Batch::recordDispatches(Slice& slice) {
  const graph::Executable& executable = lanes_.executable();
  const std::uint32_t mark = slice.recording.timer->used();
  parts_.clear();
  while (cursor_ < executable.size()) {
    const std::uint32_t all = executable.partCount(cursor_);
    const std::uint32_t count = slice.share(costs_.cost(cursor_), all, all - part_);
    if (count == 0) break;
    const double share = static_cast<double>(count) / all;
    slice.add(costs_, {cursor_, share}, mark + static_cast<std::uint32_t>(parts_.size()), *ops_[cursor_],
              share * static_cast<double>(lanes_.multiplyAdds(cursor_)));
    parts_.push_back({cursor_, part_, count});
    part_ += count;
    if (part_ < all) continue;
    cursor_ = lanes_.nextDispatch(cursor_);
    part_ = 0;
  }
  if (!parts_.empty()) recordParts(slice);
  return cursor_ == executable.size();
}

/// Under a label that says at which step each lane is, "step 1/4 3/4 - 2/4", but for those that have nothing to do or
/// wait; "step in bytes" where mixed precision has both.
void Batch::recordParts(Slice& slice) {
  char text[128];
  auto length = static_cast<std::size_t>(std::snprintf(text, sizeof text, lanes_.inBytes() ? "step in bytes" : "step"));
  const std::uint32_t named = vk::Label::available(slice.device) ? shape().lanes : 0;
  for (std::uint32_t lane = 0; lane < named && length < sizeof text; ++lane) {
    const int written = lanes_.takesPart(lane)
                            ? std::snprintf(text + length, sizeof text - length, " %u/%zu", lanes_.evaluation(lane) + 1,
                                            lanes_.plan(lane).calls.size())
                            : std::snprintf(text + length, sizeof text - length, " -");
    length += static_cast<std::size_t>(std::max(written, 0));
  }
  const vk::Label label(slice.device, slice.commands, text);
  lastSerial_ = slice.recording.serial;
  lanes_.record(slice.commands, parts_, slice.recording.timer.get());
}

void Batch::endEvaluation(Progress& progress) {
  evaluating_ = false;
  ++progress.evaluations;
  progress.laneEvaluations += lanes_.advance();
  for (std::uint32_t lane = shape().lanes; lane-- > 0;) {
    const std::shared_ptr<Work>& work = works_[lane];
    if (!work) {
      lanes_.release(lane);  // cancelled meanwhile
      continue;
    }
    const bool waited = work->stepsDone == lanes_.evaluation(lane);  // for one in another precision
    work->stepsDone = lanes_.evaluation(lane);
    const bool finished = lanes_.finished(lane);
    if (finished || (work->preview && !waited)) outputs_.push_back({lane, !finished});
  }
}

bool Batch::recordOutputs(Slice& slice, std::vector<std::shared_ptr<Work>>& recorded) {
  slice.lastMark = Slice::kNone;
  while (!outputs_.empty()) {
    Output& output = outputs_.back();
    Work& work = *works_[output.lane];
    const std::uint32_t units = output_.unitCount(work.target);
    const engine::SamplerState& state = lanes_.samplerState();
    char text[48] = "";
    if (vk::Label::available(slice.device))
      std::snprintf(text, sizeof text, output.preview ? "preview of lane %u" : "texture of lane %u", output.lane);
    const vk::Label label(slice.device, slice.commands, text);
    while (output.unit < units) {
      const std::uint32_t unit = lanes_.executable().size() + output_.costIndex(work.target, output.unit);
      const std::uint32_t all = output_.partCount(work.target, output.unit);
      const std::uint32_t count = slice.share(costs_.cost(unit), all, all - output.part);
      if (count == 0) return false;
      lastSerial_ = slice.recording.serial;
      OpTotal& op = output.unit == 0          ? *pictures_
                    : output.unit < units / 2 ? *mips_
                    : output.unit < units - 1 ? *texels_
                                              : *copies_;
      slice.measured(costs_, {unit, static_cast<double>(count) / all}, op, [&] {
        output_.record(slice.commands, {output.unit, output.part, count}, output.preview ? state.x0 : state.x,
                       output.lane, work.map, work.target);
      });
      output.part += count;
      if (output.part == all) ++output.unit, output.part = 0;
    }
    work.serial = slice.recording.serial;
    if (output.preview) {
      ++work.previews;
      work.previewSerial = slice.recording.serial;
    } else {
      work.state = RVL_STATE_RECORDED;
      recorded.push_back(works_[output.lane]);
      takeOut(output.lane);
    }
    outputs_.pop_back();
  }
  return true;
}

}  // namespace rivulet::plugin
