// rivulet-shader-compiler: one GLSL shader in, one C++ file holding its SPIR-V out, and a dependency file for the
// build. Runs at build time only; the runtime never sees GLSL.

#include <glslang/Public/ResourceLimits.h>
#include <glslang/Public/ShaderLang.h>
#if __has_include(<glslang/SPIRV/GlslangToSpv.h>)
#include <glslang/SPIRV/GlslangToSpv.h>  // an installed package
#else
#include <SPIRV/GlslangToSpv.h>  // its source tree
#endif

#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct Options {
  fs::path root;     // where #include "..." is looked for
  fs::path input;    // the .comp, .vert or .frag file: the name says which stage it is
  fs::path output;   // the C++ file
  fs::path depfile;  // what the output was made from, in make's syntax
  std::string symbol;
  std::string space = "rivulet::vk::shaders";  // the namespace around it
  std::string target = "vulkan1.1";
  std::vector<std::string> defines;  // NAME or NAME=VALUE
};

Options parseArguments(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value = [&]() -> std::string {
      if (++i >= argc) throw std::runtime_error(argument + " needs a value");
      return argv[i];
    };
    if (argument == "--root") {
      options.root = value();
    } else if (argument == "--target") {
      options.target = value();
    } else if (argument == "--symbol") {
      options.symbol = value();
    } else if (argument == "--namespace") {
      options.space = value();
    } else if (argument == "--depfile") {
      options.depfile = value();
    } else if (argument == "--output") {
      options.output = value();
    } else if (argument.rfind("-D", 0) == 0) {
      options.defines.push_back(argument.substr(2));
    } else if (argument.rfind('-', 0) == 0) {
      throw std::runtime_error("unknown option " + argument);
    } else {
      options.input = argument;
    }
  }
  if (options.root.empty() || options.input.empty() || options.output.empty() || options.symbol.empty()) {
    throw std::runtime_error(
        "usage: rivulet-shader-compiler --root DIR --symbol NAME --output FILE.cpp [--depfile FILE]\n"
        "                               [--namespace NAME] [--target vulkan1.1|vulkan1.2|vulkan1.3] "
        "[-DNAME[=VALUE]]...\n"
        "                               SHADER.comp|.vert|.frag");
  }
  return options;
}

std::string readFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path.string() + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Finds included files beside the including one, then under the root, and remembers every file it opened.
class Includer : public glslang::TShader::Includer {
 public:
  explicit Includer(fs::path root) : root_(std::move(root)) {}

  IncludeResult* includeLocal(const char* header, const char* includer, size_t depth) override {
    const fs::path sibling = fs::path(includer).parent_path() / header;
    if (fs::exists(sibling)) return open(sibling);
    return includeSystem(header, includer, depth);
  }

  IncludeResult* includeSystem(const char* header, const char* /*includer*/, size_t /*depth*/) override {
    const fs::path path = root_ / header;
    return fs::exists(path) ? open(path) : nullptr;
  }

  void releaseInclude(IncludeResult* result) override {
    if (result == nullptr) return;
    delete static_cast<std::string*>(result->userData);
    delete result;
  }

  const std::set<std::string>& opened() const { return opened_; }

 private:
  IncludeResult* open(const fs::path& path) {
    const std::string name = path.lexically_normal().generic_string();
    auto text = std::make_unique<std::string>(readFile(path));
    opened_.insert(name);
    auto result = std::make_unique<IncludeResult>(name, text->data(), text->size(), text.get());
    text.release();  // NOLINT(bugprone-unused-return-value): result owns it now, see releaseInclude
    return result.release();
  }

  fs::path root_;
  std::set<std::string> opened_;
};

/// "ERROR: path:12: message" becomes "path:12: error: message", the form editors and terminals link to.
std::string clickable(const std::string& log) {
  std::istringstream lines(log);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    for (const std::string kind : {"ERROR", "WARNING"}) {
      if (line.rfind(kind + ": ", 0) != 0) continue;
      const std::string rest = line.substr(kind.size() + 2);
      const size_t at = rest.find(": ");
      const bool located = at != std::string::npos && at > 0 && rest[at - 1] >= '0' && rest[at - 1] <= '9' &&
                           rest.rfind(':', at - 1) != std::string::npos;
      const std::string label = kind == "ERROR" ? "error: " : "warning: ";
      line = located ? rest.substr(0, at + 2) + label + rest.substr(at + 2) : label + rest;
    }
    if (!line.empty()) text += line + "\n";
  }
  return text;
}

EShLanguage stageOf(const fs::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".comp") return EShLangCompute;
  if (extension == ".vert") return EShLangVertex;
  if (extension == ".frag") return EShLangFragment;
  throw std::runtime_error(path.string() + ": a shader's name ends in .comp, .vert or .frag");
}

std::vector<std::uint32_t> compile(const Options& options, Includer& includer) {
  auto client = glslang::EShTargetVulkan_1_1;
  auto spirv = glslang::EShTargetSpv_1_3;
  if (options.target == "vulkan1.2") {
    client = glslang::EShTargetVulkan_1_2;
    spirv = glslang::EShTargetSpv_1_5;
  } else if (options.target == "vulkan1.3") {
    client = glslang::EShTargetVulkan_1_3;
    spirv = glslang::EShTargetSpv_1_6;
  } else if (options.target != "vulkan1.1") {
    throw std::runtime_error("unknown target " + options.target);
  }

  std::string preamble = "#extension GL_GOOGLE_include_directive : require\n";
  for (std::string define : options.defines) {
    const size_t equals = define.find('=');
    if (equals != std::string::npos) define[equals] = ' ';
    preamble += "#define " + define + "\n";
  }

  const std::string source = readFile(options.input);
  const std::string name = options.input.lexically_normal().generic_string();
  const char* text = source.c_str();
  const int length = static_cast<int>(source.size());
  const char* label = name.c_str();

  const EShLanguage stage = stageOf(options.input);
  glslang::TShader shader(stage);
  shader.setStringsWithLengthsAndNames(&text, &length, &label, 1);
  shader.setPreamble(preamble.c_str());
  shader.setEnvInput(glslang::EShSourceGlsl, stage, glslang::EShClientVulkan, 100);
  shader.setEnvClient(glslang::EShClientVulkan, client);
  shader.setEnvTarget(glslang::EShTargetSpv, spirv);

  const auto messages = static_cast<EShMessages>(EShMsgSpvRules | EShMsgVulkanRules);
  if (!shader.parse(GetDefaultResources(), 450, false, messages, includer)) {
    throw std::runtime_error(clickable(shader.getInfoLog()));
  }
  glslang::TProgram program;
  program.addShader(&shader);
  if (!program.link(messages)) throw std::runtime_error(name + ":1: error: " + clickable(program.getInfoLog()));
  const std::string warnings = clickable(shader.getInfoLog());
  if (!warnings.empty()) std::fprintf(stderr, "%s", warnings.c_str());

  std::vector<std::uint32_t> words;
  glslang::SpvOptions spvOptions;
  spvOptions.disableOptimizer = true;
  glslang::GlslangToSpv(*program.getIntermediate(stage), words, &spvOptions);
  if (words.empty()) throw std::runtime_error(name + ":1: error: no SPIR-V came out");
  return words;
}

void writeCpp(const Options& options, const std::vector<std::uint32_t>& words) {
  std::string text = "// Compiled from " + options.input.filename().string() +
                     " by rivulet-shader-compiler.\n#include <cstddef>\n#include <cstdint>\n"
                     "namespace " +
                     options.space +
                     " {\n"
                     "extern const std::uint32_t " +
                     options.symbol + "[];\nextern const std::size_t " + options.symbol +
                     "_words;\n"
                     "const std::uint32_t " +
                     options.symbol + "[] = {";
  char word[16];
  for (size_t i = 0; i < words.size(); ++i) {
    std::snprintf(word, sizeof word, "%s0x%08xu,", i % 10 == 0 ? "\n" : "", words[i]);
    text += word;
  }
  text += "\n};\nconst std::size_t " + options.symbol + "_words = " + std::to_string(words.size()) +
          ";\n}  // namespace " + options.space + "\n";
  std::ofstream file(options.output, std::ios::binary);
  file << text;
  if (!file.flush()) throw std::runtime_error(options.output.string() + ": cannot be written");
}

std::string escapedForMake(const std::string& path) {
  std::string text;
  for (const char c : path) {
    if (c == ' ' || c == '#') text += '\\';
    if (c == '$') text += '$';
    text += c;
  }
  return text;
}

void writeDepfile(const Options& options, const std::set<std::string>& included) {
  if (options.depfile.empty()) return;
  std::ofstream file(options.depfile, std::ios::binary);
  file << escapedForMake(options.output.generic_string()) << ": " << escapedForMake(options.input.generic_string());
  for (const std::string& path : included) file << " \\\n  " << escapedForMake(path);
  file << "\n";
  if (!file.flush()) throw std::runtime_error(options.depfile.string() + ": cannot be written");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parseArguments(argc, argv);
    glslang::InitializeProcess();
    Includer includer(options.root);
    const std::vector<std::uint32_t> words = compile(options, includer);
    writeCpp(options, words);
    writeDepfile(options, includer.opened());
    glslang::FinalizeProcess();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
