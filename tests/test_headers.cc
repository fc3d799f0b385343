// Stands for the headers that all tests precompile together (CMakeLists.txt).
