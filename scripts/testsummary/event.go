package main

// event is one line of `go test -json`. Build output has ImportPath instead of Package (go help buildjson).
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
	// FailedBuild names the package whose build broke this one's test binary.
	FailedBuild string
}

// testKey names one test of one package. An empty Test is the package itself.
type testKey struct {
	Package string
	Test    string
}

func (e event) key() testKey {
	return testKey{Package: e.Package, Test: e.Test}
}
