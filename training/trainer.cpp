#include "training/trainer.h"

#include <cmath>
#include <cstring>
#include <ctime>
#include <fstream>

#include "training/checkpoint.h"
#include "training/ema.h"
#include "training/error.h"
#include "training/export.h"
#include "training/loss_curve.h"
#include "training/progress_bar.h"
#include "training/sample_sheet.h"

namespace rivulet::training {
namespace {

std::string isoDate() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

}  // namespace

at::Device deviceNamed(const std::string& name) {
  if (name == "cuda" && !torch::cuda::is_available()) {
    throw Error("--device cuda: this libtorch sees no CUDA device (use --device cpu, or a CUDA build of libtorch)");
  }
  if (name == "cuda") return {at::kCUDA, static_cast<c10::DeviceIndex>(DataParallel::localRank())};
  return at::Device(name);
}

Trainer::Trainer(TrainerOptions options, std::unique_ptr<Objective> objective)
    : options_(std::move(options)),
      objective_(std::move(objective)),
      source_(openSource(options_.data, options_.augment)) {
  TextureUnetConfig config = TextureUnetConfig::named(options_.model);
  source_->configure(config);
  objective_->configure(config);
  const at::Device device = deviceNamed(options_.device);
  network_ = std::make_unique<TextureUnet>(config, device, true);
  average_ = std::make_unique<TextureUnet>(config, device, false);
  for (TextureUnet* network : {network_.get(), average_.get()}) {
    network->initialise(options_.seed, source_->styleMean(), source_->styleStd());
    if (options_.bf16) network->setComputeType(at::kBFloat16);
  }
  adam_ = std::make_unique<Adam>(network_->parameters().flat(), options_.adam);
  started_ = steadySeconds();
  if (!options_.processes->leads()) {
    options_.quiet = true;
    options_.log.clear();
  } else if (std::filesystem::exists(options_.checkpoint)) {
    load();
  } else if (!options_.init.empty()) {
    loadWeights();
  }
  share();
  agree(false);
}

double Trainer::elapsed() const {
  return earlierSeconds_ + steadySeconds() - started_;
}

double Trainer::progress() const {
  double fraction = static_cast<double>(step_) / static_cast<double>(options_.steps);
  if (options_.timeLimitMinutes > 0) fraction = std::max(fraction, elapsed() / (60 * options_.timeLimitMinutes));
  return std::min(1.0, fraction);
}

bool Trainer::agree(bool stop) {
  if (options_.processes->size() == 1) {
    progress_ = progress();
    return stop;
  }
  const at::Device device = network_->device();
  at::Tensor value = at::full({1}, progress(), at::TensorOptions().dtype(at::kDouble).device(device));
  at::Tensor votes = at::full({1}, stop ? 1.0 : 0.0, value.options());
  options_.processes->broadcast(value);
  options_.processes->sum(votes);
  progress_ = value.item<double>();
  return votes.item<double>() > 0;
}

// Linear warm-up, then half a cosine to zero at the end of the run.
double Trainer::learningRate() const {
  const double warm = std::min(1.0, static_cast<double>(step_ + 1) / static_cast<double>(options_.warmup + 1));
  return options_.learningRate * warm * 0.5 * (1 + std::cos(3.141592653589793 * progress_));
}

std::pair<double, double> Trainer::trainStep() {
  const at::Tensor grad = network_->parameters().grad();
  grad.zero_();
  at::Tensor sum = at::zeros({1}, grad.options());
  const auto batchOf = [this](std::uint64_t pass) { return source_->batch(options_.batch, options_.seed, pass); };
  const int64_t first = step_ * passes() + options_.processes->rank() * options_.accumulate;
  for (int64_t pass = first; pass < first + options_.accumulate; ++pass) {
    const auto number = static_cast<std::uint64_t>(pass);
    const Batch batch = batchOf(number);
    const at::Tensor loss = objective_->loss({*network_, *average_, batch, options_.seed, number, progress_, batchOf}) /
                            static_cast<double>(passes());
    loss.backward();
    sum += loss.detach();
  }
  options_.processes->sum(grad);
  options_.processes->sum(sum);
  const at::Tensor flat = network_->parameters().flat();
  const double norm = adam_->update(flat, grad, learningRate(), step_);
  emaUpdate(average_->parameters().flat(), flat, options_.ema, step_);
  return {sum.item<double>(), norm};
}

void Trainer::logHeldOut() const {
  if (!options_.processes->leads()) return;
  const torch::NoGradGuard guard;
  const std::size_t all = source_->heldOutCount(), count = std::min<std::size_t>(all, 64);
  if (count == 0) return;
  Figures sums;
  for (std::size_t i = 0; i < count; ++i) {
    const Batch batch = source_->heldOut(i * all / count);
    const Figures figures = objective_->heldOut(*average_, batch, i);
    if (sums.empty()) {
      sums = figures;
    } else {
      for (std::size_t k = 0; k < sums.size(); ++k) sums[k].second += figures.at(k).second;
    }
  }
  nlohmann::ordered_json line = {{"step", step_}};
  for (const auto& [name, sum] : sums) line[name] = sum / static_cast<double>(count);
  append(line);
}

nlohmann::ordered_json Trainer::summary() const {
  nlohmann::ordered_json summary = {{"objective", objective_->name()},
                                    {"steps", step_},
                                    {"batch", options_.batch * passes()},
                                    {"learning_rate", options_.learningRate},
                                    {"ema", options_.ema},
                                    {"seed", options_.seed},
                                    {"precision", options_.bf16 ? "bf16" : "fp32"}};
  summary.update(source_->summary());
  summary.update(objective_->summary());
  summary.update({{"minutes", std::round(elapsed() / 6) / 10}, {"finished", finished()}, {"date", isoDate()}});
  return summary;
}

void Trainer::save() const {
  if (!options_.processes->leads()) return;
  Checkpoint checkpoint;
  checkpoint.objective = objective_->name();
  checkpoint.config = network_->config().json().dump();
  checkpoint.seed = options_.seed;
  checkpoint.step = step_;
  checkpoint.seconds = elapsed();
  checkpoint.parameters = network_->parameters().flat();
  checkpoint.average = average_->parameters().flat();
  checkpoint.adamMean = adam_->mean;
  checkpoint.adamSquare = adam_->square;
  checkpoint.styleMean = network_->styleMean();
  checkpoint.styleStd = network_->styleStd();
  checkpoint.state = objective_->state();
  writeCheckpoint(options_.checkpoint, checkpoint);
  exportWeights(options_.out, *average_, source_->stylesJson(), summary(),
                options_.exportHalf ? at::kHalf : at::kFloat);
}

void Trainer::load() {
  const Checkpoint checkpoint = readCheckpoint(options_.checkpoint);
  if (checkpoint.objective != objective_->name() || checkpoint.config != network_->config().json().dump() ||
      checkpoint.seed != options_.seed) {
    throw Error("the checkpoint " + options_.checkpoint.string() +
                " is of another objective, model, class list or seed; continue with the same options, or remove it to "
                "start anew");
  }
  network_->parameters().flat().copy_(checkpoint.parameters);
  average_->parameters().flat().copy_(checkpoint.average);
  adam_->mean.copy_(checkpoint.adamMean);
  adam_->square.copy_(checkpoint.adamSquare);
  for (TextureUnet* network : {network_.get(), average_.get()}) {
    network->setStyleNorm(checkpoint.styleMean, checkpoint.styleStd);
  }
  objective_->restore(checkpoint.state);
  step_ = checkpoint.step;
  earlierSeconds_ = checkpoint.seconds;
}

void Trainer::loadWeights() {
  for (TextureUnet* network : {network_.get(), average_.get()}) importWeights(options_.init, *network);
}

// What process 0 has read or drawn, everyone has.
void Trainer::share() {
  if (options_.processes->size() == 1) return;
  const at::Device device = network_->device();
  at::Tensor step = at::full({1}, step_, at::TensorOptions().dtype(at::kLong).device(device));
  at::Tensor mean = network_->styleMean().to(device).clone(), deviation = network_->styleStd().to(device).clone();
  for (const at::Tensor& tensor : {step, network_->parameters().flat(), average_->parameters().flat(), adam_->mean,
                                   adam_->square, mean, deviation}) {
    if (tensor.numel() > 0) options_.processes->broadcast(tensor);  // a network without a style has no norm of it
  }
  step_ = step.item<int64_t>();
  for (TextureUnet* network : {network_.get(), average_.get()}) network->setStyleNorm(mean, deviation);
}

void Trainer::writeSheets() const {
  if (!options_.processes->leads()) return;
  const std::filesystem::path folder = options_.out.parent_path() / (options_.out.stem().string() + ".sheets");
  std::filesystem::create_directories(folder);
  char name[32];
  std::snprintf(name, sizeof name, "%07lld", static_cast<long long>(step_));
  const Sheets sheets = objective_->sheets();
  for (const int steps : sheets.classes) {
    writeClassSheet(folder / (std::string(name) + "-steps" + std::to_string(steps) + ".png"), *average_, *source_,
                    sheets.sampler, steps, 4, 7);
  }
  writeTiledSheet(folder / (std::string(name) + "-tiled.png"), *average_, *source_, sheets.sampler, sheets.tiled, 4, 7);
}

void Trainer::append(const nlohmann::ordered_json& line) const {
  if (options_.log.empty()) return;
  std::ofstream out(options_.log, std::ios::app);
  out << line.dump() << '\n';
  if (!out) throw Error("cannot write the log " + options_.log.string());
}

bool Trainer::run(const std::atomic<bool>& stop) {
  ProgressBar bar;
  const auto say = [&](const std::string& text) {
    if (!options_.quiet) bar.note(text);
  };
  say(options_.model + ": " + std::to_string(network_->parameters().count()) + " parameters, " + source_->describe() +
      (step_ > 0 ? ", resuming at step " + std::to_string(step_) : ""));
  double smooth = 0, weight = 0, windowStart = steadySeconds(), rate = 0;
  // What is left goes at the pace since the run went on: earlier ones may have shared the machine.
  const double sessionStart = windowStart, doneBefore = progress();
  int64_t windowSteps = 0, session = 0;
  while (!agree(stop.load() || session == options_.sessionSteps) && !finished()) {
    const double learning = learningRate();
    const auto [loss, norm] = trainStep();
    if (!std::isfinite(loss) || !std::isfinite(norm)) {
      throw Error("the loss is not finite at step " + std::to_string(step_) +
                  "; resume from the last checkpoint with a smaller --lr or --precision fp32");
    }
    ++step_, ++session, ++windowSteps;
    smooth = 0.99 * smooth + 0.01 * loss;  // divided by its weight: free of the zero it started from
    weight = 0.99 * weight + 0.01;
    if (step_ % options_.logEvery == 0) {
      const double now = steadySeconds();
      rate = static_cast<double>(windowSteps * options_.batch * passes()) / (now - windowStart);
      windowStart = now, windowSteps = 0;
      append({{"step", step_},
              {"loss", smooth / weight},
              {"raw_loss", loss},
              {"lr", learning},
              {"grad_norm", norm},
              {"images_per_second", std::round(rate * 10) / 10},
              {"seconds", std::round(elapsed())}});
      const double done = progress_;
      if (!options_.quiet) {
        const double here = done - doneBefore;
        bar.update(step_, done, smooth / weight, rate, here > 0 ? (now - sessionStart) * (1 - done) / here : 0);
      }
    }
    const bool sheets = options_.sampleEvery > 0 && step_ % options_.sampleEvery == 0;
    if (step_ % options_.checkpointEvery == 0) save();
    if (sheets) {
      logHeldOut();
      writeSheets();
    }
    if (sheets || step_ % options_.checkpointEvery == 0) windowStart = steadySeconds(), windowSteps = 0;
  }
  const bool done = finished();
  save();
  if (done && options_.sampleEvery > 0) writeSheets();
  if (done && !options_.log.empty()) {
    logHeldOut();
    writeLossCurve(options_.log, std::filesystem::path(options_.out).replace_extension(".loss.svg"));
  }
  options_.processes->wait();  // what comes next may read the weights
  say((done ? "done at step " : "stopped at step ") + std::to_string(step_) + ": " + options_.out.string() +
      (done ? "" : " (run the same command to go on from " + options_.checkpoint.string() + ")"));
  return done;
}

}  // namespace rivulet::training
