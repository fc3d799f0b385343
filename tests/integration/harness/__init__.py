"""What the integration and conformance tests share: programs under test, and promises that are kept or not."""
