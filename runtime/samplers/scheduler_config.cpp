#include "samplers/scheduler_config.h"

#include <array>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "samplers/json_options.h"
#include "samplers/registry.h"

namespace rivulet {
namespace {

// Numbers and steps of every variance-preserving scheduler.
void readVp(JsonOptions& options, SamplerConfig& config, const char* spacing, double betaStart, double betaEnd,
            const char* betaSchedule) {
  Process& process = config.process;
  process.trainTimesteps = options.integer("num_train_timesteps", 1000);
  process.betaStart = options.number("beta_start", betaStart);
  process.betaEnd = options.number("beta_end", betaEnd);
  const std::string schedule =
      options.choice("beta_schedule", betaSchedule, {"linear", "scaled_linear", "squaredcos_cap_v2"});
  process.kind = schedule == "linear"          ? ProcessKind::VpLinear
                 : schedule == "scaled_linear" ? ProcessKind::VpScaledLinear
                                               : ProcessKind::VpCosine;
  if (const nlohmann::json* betas = options.array("trained_betas")) {
    process.kind = ProcessKind::VpBetas;
    for (const nlohmann::json& beta : *betas) {
      if (!beta.is_number())
        throw Error(ErrorCode::CorruptFile, "trained_betas holds " + beta.dump() + ", not a number");
      process.betas.push_back(beta.get<double>());
    }
  }
  process.zeroTerminalSnr = options.flag("rescale_betas_zero_snr", false);
  config.spacing =
      parseTimestepSpacing(options.choice("timestep_spacing", spacing, {"leading", "trailing", "linspace"}));
  config.stepsOffset = options.integer("steps_offset", 0);
  options.mustBeOff("thresholding", "dynamic thresholding needs a quantile over the whole image; clip_sample is");
}

void readPrediction(JsonOptions& options, SamplerConfig& config) {
  config.prediction =
      parsePrediction(options.choice("prediction_type", "epsilon", {"epsilon", "sample", "v_prediction"}));
}

void readClip(JsonOptions& options, SamplerConfig& config, bool otherwise) {
  config.clip = options.flag("clip_sample", otherwise);
  config.clipRange = options.number("clip_sample_range", 1.0);
}

// How sigma / alpha is spaced, and where it ends.
void readSigmaSpacing(JsonOptions& options, SamplerConfig& config) {
  const bool karras = options.flag("use_karras_sigmas", false);
  const bool exponential = options.flag("use_exponential_sigmas", false);
  const bool lu = options.flag("use_lu_lambdas", false);  // uniform in log SNR: exponential in sigma
  options.mustBeOff("use_beta_sigmas", "beta-distributed sigmas; supported: use_karras_sigmas, use_exponential_sigmas");
  if (static_cast<int>(karras) + static_cast<int>(exponential) + static_cast<int>(lu) > 1) {
    throw Error(ErrorCode::InvalidArgument,
                "only one of use_karras_sigmas, use_exponential_sigmas and use_lu_lambdas can be true");
  }
  if (karras) config.sigmaSpacing = SigmaSpacing::Karras;
  if (exponential || lu) config.sigmaSpacing = SigmaSpacing::Exponential;
  const bool rounds = (karras || lu) && config.process.kind != ProcessKind::VpCosine;
  config.roundSigmaTimesteps = rounds;
  config.sigmaMin = options.number("sigma_min");
  config.sigmaMax = options.number("sigma_max");
  config.finalSigma = options.choice("final_sigmas_type", "zero", {"zero", "sigma_min"}) == "zero"
                          ? FinalSigma::Zero
                          : FinalSigma::SigmaMin;
}

// use_flow_sigmas of the multistep solvers turns a VP scheduler into one of the linear path.
void readFlowSigmas(JsonOptions& options, SamplerConfig& config) {
  options.mustBeOff("use_dynamic_shifting", "a shift that depends on the resolution; give flow_shift");
  const double shift = options.number("flow_shift", 1.0);
  const bool flow = options.flag("use_flow_sigmas", false);
  const std::string prediction =
      options.choice("prediction_type", "epsilon", {"epsilon", "sample", "v_prediction", "flow_prediction"});
  config.prediction = parsePrediction(prediction);
  if (!flow) {
    if (config.prediction == Prediction::Flow) {
      throw Error(
          ErrorCode::Unsupported,
          "prediction_type \"flow_prediction\" needs use_flow_sigmas = true; it is the velocity of the linear path");
    }
    return;
  }
  if (config.sigmaSpacing != SigmaSpacing::Timesteps) {
    throw Error(ErrorCode::InvalidArgument, "use_flow_sigmas cannot be combined with another spacing of sigmas");
  }
  if (config.finalSigma != FinalSigma::Zero) {
    throw Error(ErrorCode::Unsupported,
                "final_sigmas_type \"sigma_min\" with use_flow_sigmas is not supported; supported: zero");
  }
  config.process.kind = ProcessKind::Flow;
  config.process.flowSpacing = FlowSpacing::Multistep;
  config.process.shift = shift;
  config.process.timestepScale = config.process.trainTimesteps;
}

void readDdpm(JsonOptions& options, SamplerConfig& config) {
  readVp(options, config, "leading", 1e-4, 0.02, "linear");
  readPrediction(options, config);
  if (!options.flag("predict_epsilon", true)) config.prediction = Prediction::Sample;  // files of 2022
  readClip(options, config, true);
  // fixed_small_log is fixed_small with the square root taken in the log domain. "learned" hands over a variance and
  // "fixed_large_log" a logarithm where diffusers then takes a square root: neither gives numbers there.
  const std::string variance = options.choice("variance_type", "fixed_small",
                                              {"fixed_small", "fixed_small_log", "fixed_large", "learned_range"});
  config.variance = variance == "fixed_large"     ? VarianceType::FixedLarge
                    : variance == "learned_range" ? VarianceType::LearnedRange
                                                  : VarianceType::FixedSmall;
}

void readDdim(JsonOptions& options, SamplerConfig& config) {
  readVp(options, config, "leading", 1e-4, 0.02, "linear");
  readPrediction(options, config);
  readClip(options, config, true);
  config.setAlphaToOne = options.flag("set_alpha_to_one", true);
  config.fixedStride = true;
}

void readDdimInverse(JsonOptions& options, SamplerConfig& config) {
  readDdim(options, config);
  config.setAlphaToOne = options.flag("set_alpha_to_zero", config.setAlphaToOne);  // its former name
  if (config.spacing == TimestepSpacing::Linspace) {
    throw Error(ErrorCode::Unsupported,
                "DDIMInverseScheduler: timestep_spacing \"linspace\" is not supported; supported: leading, trailing");
  }
}

void readDpmpp(JsonOptions& options, SamplerConfig& config) {
  readVp(options, config, "linspace", 1e-4, 0.02, "linear");
  readSigmaSpacing(options, config);
  readFlowSigmas(options, config);
  config.order = options.integer("solver_order", 2);
  options.choice("algorithm_type", "dpmsolver++", {"dpmsolver++"});
  config.heunCorrection =
      options.choice("solver_type", "midpoint", {"midpoint", "heun", "logrho", "bh1", "bh2"}) == "heun";
  config.lowerOrderFinal = options.flag("lower_order_final", true);
  config.eulerAtFinal = options.flag("euler_at_final", false);
  config.lambdaMinClipped = options.number("lambda_min_clipped");
  options.ignore({"variance_type"});  // the extra channels of a network with learned variance are not used
  if (config.order == 3) config.sampler = "dpmpp_3m";
}

void readUnipc(JsonOptions& options, SamplerConfig& config) {
  readVp(options, config, "linspace", 1e-4, 0.02, "linear");
  readSigmaSpacing(options, config);
  readFlowSigmas(options, config);
  // UniPC rounds with Karras spacing on every schedule.
  if (config.sigmaSpacing == SigmaSpacing::Karras) config.roundSigmaTimesteps = true;
  config.order = options.integer("solver_order", 2);
  config.bh1 = options.choice("solver_type", "bh2", {"bh1", "bh2", "midpoint", "heun", "logrho"}) == "bh1";
  config.lowerOrderFinal = options.flag("lower_order_final", true);
  if (!options.flag("predict_x0", true)) {
    throw Error(ErrorCode::Unsupported,
                "UniPCMultistepScheduler: predict_x0 = false is not supported; supported: true");
  }
  options.mustBeOff("solver_p", "another scheduler as the predictor");
  if (const nlohmann::json* steps = options.array("disable_corrector")) {
    for (const nlohmann::json& step : *steps) {
      if (!step.is_number_integer()) {
        throw Error(ErrorCode::CorruptFile, "disable_corrector holds " + step.dump() + ", expected a step's index");
      }
      config.disableCorrector.push_back(step.get<int>());
    }
  }
  if (config.order == 3) config.sampler = "unipc_3";
}

void readEuler(JsonOptions& options, SamplerConfig& config) {
  readVp(options, config, "linspace", 1e-4, 0.02, "linear");
  readPrediction(options, config);
  readSigmaSpacing(options, config);
  options.choice("interpolation_type", "linear", {"linear"});
  options.choice("timestep_type", "discrete", {"discrete"});
}

void readHeun(JsonOptions& options, SamplerConfig& config) {
  readVp(options, config, "linspace", 0.00085, 0.012, "linear");
  readPrediction(options, config);
  readSigmaSpacing(options, config);
  readClip(options, config, false);
}

void readLcm(JsonOptions& options, SamplerConfig& config) {
  readVp(options, config, "leading", 0.00085, 0.012, "scaled_linear");
  readPrediction(options, config);
  readClip(options, config, false);
  config.originalSteps = options.integer("original_inference_steps", 50);
  config.timestepScaling = options.number("timestep_scaling", 10.0);
}

void readFlowHeun(JsonOptions& options, SamplerConfig& config) {
  Process& process = config.process;
  process.kind = ProcessKind::Flow;
  process.flowSpacing = FlowSpacing::FlowMatch;
  process.trainTimesteps = options.integer("num_train_timesteps", 1000);
  if (process.trainTimesteps < 1) {
    throw Error(ErrorCode::InvalidArgument,
                "num_train_timesteps is " + std::to_string(process.trainTimesteps) + ", expected at least 1");
  }
  process.timestepScale = process.trainTimesteps;
  process.shift = options.number("shift", 1.0);
  config.prediction = Prediction::Flow;
}

void readFlowEuler(JsonOptions& options, SamplerConfig& config) {
  readFlowHeun(options, config);
  readSigmaSpacing(options, config);
  options.mustBeOff("use_dynamic_shifting", "a shift that depends on the resolution; give shift");
  options.mustBeOff("shift_terminal", "stretching times to a terminal value; supported: null");
  options.mustBeOff("invert_sigmas", "times that run from data to noise; ddim_inversion walks a flow upward");
  options.mustBeOff("stochastic_sampling", "sampler consistency adds fresh noise at every step");
}

struct SchedulerClass {
  std::string_view name;
  const char* sampler;
  void (*read)(JsonOptions&, SamplerConfig&);
};

constexpr std::array<SchedulerClass, 10> kClasses{{
    {"DDPMScheduler", "ddpm", readDdpm},
    {"DDIMScheduler", "ddim", readDdim},
    {"DDIMInverseScheduler", "ddim_inversion", readDdimInverse},
    {"DPMSolverMultistepScheduler", "dpmpp_2m", readDpmpp},
    {"UniPCMultistepScheduler", "unipc", readUnipc},
    {"EulerDiscreteScheduler", "euler", readEuler},
    {"HeunDiscreteScheduler", "heun", readHeun},
    {"FlowMatchEulerDiscreteScheduler", "flow_euler", readFlowEuler},
    {"FlowMatchHeunDiscreteScheduler", "flow_heun", readFlowHeun},
    {"LCMScheduler", "lcm", readLcm},
}};

/// Options of any diffusers scheduler, with no effect on the others: files keep them when a scheduler is exchanged.
constexpr std::initializer_list<const char*> kForeignOptions = {"algorithm_type",
                                                                "base_image_seq_len",
                                                                "base_shift",
                                                                "beta_end",
                                                                "beta_schedule",
                                                                "beta_start",
                                                                "clip_sample",
                                                                "clip_sample_range",
                                                                "disable_corrector",
                                                                "dynamic_thresholding_ratio",
                                                                "euler_at_final",
                                                                "final_sigmas_type",
                                                                "flow_shift",
                                                                "interpolation_type",
                                                                "invert_sigmas",
                                                                "lambda_min_clipped",
                                                                "lower_order_final",
                                                                "max_image_seq_len",
                                                                "max_shift",
                                                                "original_inference_steps",
                                                                "predict_epsilon",
                                                                "predict_x0",
                                                                "prediction_type",
                                                                "rescale_betas_zero_snr",
                                                                "sample_max_value",
                                                                "set_alpha_to_one",
                                                                "set_alpha_to_zero",
                                                                "shift",
                                                                "shift_terminal",
                                                                "sigma_data",
                                                                "sigma_max",
                                                                "sigma_min",
                                                                "skip_prk_steps",
                                                                "solver_order",
                                                                "solver_p",
                                                                "solver_type",
                                                                "steps_offset",
                                                                "stochastic_sampling",
                                                                "tensor_format",
                                                                "time_shift_type",
                                                                "timestep_scaling",
                                                                "timestep_spacing",
                                                                "timestep_type",
                                                                "timestep_values",
                                                                "trained_betas",
                                                                "use_beta_sigmas",
                                                                "use_dynamic_shifting",
                                                                "use_exponential_sigmas",
                                                                "use_flow_sigmas",
                                                                "use_karras_sigmas",
                                                                "use_lu_lambdas",
                                                                "variance_type"};

/// Python's json writes Infinity, -Infinity and NaN, which JSON does not have; outside strings they become null.
std::string withoutPythonNumbers(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\' && i + 1 < text.size()) {
      out += c;
      out += text[++i];
      continue;
    }
    if (c == '"') quoted = !quoted;
    bool replaced = false;
    for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
      if (quoted || text.substr(i, word.size()) != word) continue;
      out += "null";
      i += word.size() - 1;
      replaced = true;
      break;
    }
    if (!replaced) out += c;
  }
  return out;
}

}  // namespace

std::vector<std::string_view> schedulerClassNames() {
  std::vector<std::string_view> names;
  names.reserve(kClasses.size());
  for (const SchedulerClass& entry : kClasses) names.push_back(entry.name);
  return names;
}

SamplerConfig schedulerConfig(std::string_view className, const nlohmann::json& options) {
  std::string known;
  for (const SchedulerClass& entry : kClasses) {
    if (entry.name == className) {
      JsonOptions reader(std::string(className), options);
      SamplerConfig config = withSampler({}, entry.sampler);
      entry.read(reader, config);
      reader.ignore(kForeignOptions);
      reader.refuseOthers();
      return config;
    }
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw Error(ErrorCode::Unsupported,
              "scheduler class \"" + std::string(className) + "\" is not supported; supported: " + known);
}

SamplerConfig parseSchedulerConfig(std::string_view text) {
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(withoutPythonNumbers(text));
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::CorruptFile, std::string("scheduler_config.json is not valid JSON: ") + error.what());
  }
  JsonOptions options("scheduler_config.json", json);
  const std::string className = options.text("_class_name", "");
  if (className.empty()) {
    throw Error(ErrorCode::CorruptFile, "scheduler_config.json has no _class_name, which names the scheduler");
  }
  return schedulerConfig(className, json);
}

void applyCallOptions(SamplerConfig& config, const nlohmann::json& call) {
  if (call.is_null()) return;
  JsonOptions options("scheduler call", call);
  config.eta = options.number("eta", config.eta);
  config.useClippedModelOutput = options.flag("use_clipped_model_output", config.useClippedModelOutput);
  options.refuseOthers();
}

SamplerConfig modelConfig(const nlohmann::json& schedule, std::string_view prediction) {
  JsonOptions options("schedule", schedule);
  Process process;
  process.kind = parseProcessKind(options.text("kind", "flow"));
  if (process.isFlow()) {
    process.shift = options.number("shift", 1.0);
  } else {
    process.trainTimesteps = options.integer("train_timesteps", 1000);
    process.betaStart = options.number("beta_start", process.betaStart);
    process.betaEnd = options.number("beta_end", process.betaEnd);
    process.zeroTerminalSnr = options.flag("zero_terminal_snr", false);
    process.timeIsNoiseLevel = true;
    if (process.kind == ProcessKind::VpBetas) {
      throw Error(ErrorCode::Unsupported, "schedule: kind \"vp_betas\" is for imported models only");
    }
  }
  const std::optional<double> clip = options.number("clip");
  options.refuseOthers();
  SamplerConfig config;
  config.process = process;
  config.clip = clip.has_value();
  config.clipRange = clip.value_or(config.clipRange);
  // diffusers' DDIM keeps the noise that belongs to the x_0 before it was clipped. Near pure noise that leaves a state
  // of less variance than its time has, in every step a little less (docs/quality.md): 50 steps are worse than 10.
  config.useClippedModelOutput = true;
  config.prediction = parsePrediction(prediction);
  return withSampler(config, process.isFlow() ? "flow_euler" : "ddim");
}

}  // namespace rivulet
