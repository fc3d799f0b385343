#define CATCH_CONFIG_MAIN  // version 2
#include <catch2/catch.hpp>

#if CATCH_VERSION_MAJOR >= 3
int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
#endif
