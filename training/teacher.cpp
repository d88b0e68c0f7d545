#include "training/teacher.h"

#include "training/error.h"
#include "training/export.h"

namespace rivulet::training {

Teacher::Teacher(const std::filesystem::path& file, at::Device device, bool bf16) : file_(file) {
  const TextureUnetConfig config = readConfig(file);
  if (config.targetTime || config.guidance) {
    throw Error("the teacher " + file.string() +
                " is a flow map itself (target_time or guidance): give the network it was distilled from");
  }
  if (config.schedule.value("kind", "") != "flow" || config.prediction != "sample") {
    throw Error("the teacher " + file.string() + " predicts " + config.prediction + " on the schedule " +
                config.schedule.dump() + ": give one of `rivulet-train flow`");
  }
  network_ = std::make_unique<TextureUnet>(config, device, false);
  importWeights(file, *network_);
  if (bf16) network_->setComputeType(at::kBFloat16);
}

void Teacher::configure(TextureUnetConfig& config) const {
  const TextureUnetConfig& own = network_->config();
  if (config.classes != own.classes) {
    const auto list = [](const std::vector<std::string>& names) {
      std::string text;
      for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
      return text;
    };
    throw Error("the teacher " + file_.string() + " knows the classes " + list(own.classes) + "; the data have " +
                list(config.classes) + ": give the data it was trained on");
  }
  const int64_t size = config.trainingSize;
  config = own;
  config.trainingSize = size;
}

at::Tensor Teacher::guided(const TextureUnetInput& input, const at::Tensor& w) const {
  const torch::NoGradGuard guard;
  if ((w == 1).all().item<bool>()) return network_->forward(input);
  const auto twice = [](const at::Tensor& a) { return at::cat({a, a}); };
  TextureUnetInput both;
  both.x = twice(input.x);
  both.t = twice(input.t);
  if (input.style.defined()) both.style = twice(input.style);
  at::Tensor null = at::zeros_like(input.classWeights);
  null.select(1, null.size(1) - 1).fill_(1);
  both.classWeights = at::cat({input.classWeights, null});
  const std::vector<at::Tensor> halves = network_->forward(both).chunk(2);
  return halves[1] + w.view({-1, 1, 1, 1}) * (halves[0] - halves[1]);
}

X0Function Teacher::guidedX0(TextureUnetInput input) const {
  return [this, input = std::move(input)](const at::Tensor& x, const at::Tensor& t) mutable {
    input.x = x;
    input.t = t;
    return guided(input, input.guidance);
  };
}

}  // namespace rivulet::training
