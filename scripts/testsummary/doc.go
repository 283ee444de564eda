// Command testsummary runs `go test -json` with the arguments it is given and shows what a person wants to see of it.
//
// Output of passing tests is dropped; the closing line of every package is printed as it comes, a failed test is
// printed whole the moment its package ends, and skipped tests are listed, so that none goes unnoticed. The last line
// is for programs:
//
//	RESULT test=ok packages=12 tests=345 failed=0 skipped=1 seconds=20
//
// It exits with 1 when a test, a build or go itself failed, and also when not a single test ran: a pattern that
// matches nothing proves nothing.
//
//	testsummary [-name test] [-- arguments of go test]
package main
