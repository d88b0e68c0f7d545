// How the interface looks.
#pragma once

namespace demo {

/// A font of the system's that is easily read, or Dear ImGui's own.
void loadFonts();
/// Sizes for `scale`, and colours.
void applyTheme(float scale);

}  // namespace demo
