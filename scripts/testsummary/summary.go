package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxLine bounds one line of go's output; a test that prints a longer one makes the reading fail, not stall.
const maxLine = 16 << 20

// counts is what the RESULT line reports. Subtests count as tests.
type counts struct {
	Packages int
	Tests    int
	Failed   int
	Skipped  int
}

// summary reads events and writes the readable account. It is not safe for concurrent use.
type summary struct {
	out    io.Writer
	counts counts
	// output holds what each unfinished test printed; a passed test's is dropped at once.
	output map[testKey][]string
	// failed holds the failed tests of each unfinished package, in the order in which they ended.
	failed  map[string][]testKey
	skipped []string
	// broken is set when a build or a whole package failed, even where no test did.
	broken bool
}

func newSummary(out io.Writer) *summary {
	return &summary{out: out, output: make(map[testKey][]string), failed: make(map[string][]testKey)}
}

// read consumes the stream to its end. A line that is not JSON is go speaking for itself and is printed as it is.
func (s *summary) read(stream io.Reader) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			s.print(lines.Text() + "\n")
			continue
		}
		s.add(e)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read test output: %w", err)
	}
	return nil
}

func (s *summary) add(e event) {
	switch e.Action {
	case "output":
		s.addOutput(e)
	case "build-output":
		s.print(e.Output)
	case "build-fail":
		s.broken = true
	case "pass", "fail", "skip":
		s.end(e)
	}
}

func (s *summary) addOutput(e event) {
	if e.Test == "" && isClosingLine(e.Output) {
		s.printFailures(e.Package)
		s.print(e.Output)
		return
	}
	s.output[e.key()] = append(s.output[e.key()], e.Output)
}

// end files the verdict on a test or on a package.
func (s *summary) end(e event) {
	if e.Test == "" {
		s.endPackage(e)
		return
	}
	s.counts.Tests++
	switch e.Action {
	case "fail":
		s.counts.Failed++
		s.failed[e.Package] = append(s.failed[e.Package], e.key())
		return // its output is kept until the package's closing line
	case "skip":
		s.counts.Skipped++
		s.skipped = append(s.skipped, e.Package+" "+e.Test+reason(s.output[e.key()]))
	}
	delete(s.output, e.key())
}

func (s *summary) endPackage(e event) {
	if e.Action == "fail" {
		s.broken = true
		s.printFailures(e.Package)
		s.printUnfinished(e.Package)
	}
	if e.Action != "skip" { // a package without test files is skipped
		s.counts.Packages++
	}
	delete(s.output, e.key())
	delete(s.failed, e.Package)
}

// printFailures writes all that the package's failed tests printed, each under its full name.
func (s *summary) printFailures(pkg string) {
	for _, key := range s.failed[pkg] {
		s.print("\n=== FAILED " + key.Package + " " + key.Test + "\n")
		s.printOutput(key)
	}
	delete(s.failed, pkg)
}

// printUnfinished writes what is left of a failed package: the package's own output (a panic, a data race outside
// any test, a leak found by TestMain) and tests that never ended.
func (s *summary) printUnfinished(pkg string) {
	for key := range s.output {
		if key.Package == pkg && key.Test != "" {
			s.print("\n=== NOT FINISHED " + key.Package + " " + key.Test + "\n")
			s.printOutput(key)
		}
	}
	s.printOutput(testKey{Package: pkg})
}

func (s *summary) printOutput(key testKey) {
	for _, line := range s.output[key] {
		if !strings.HasPrefix(line, "=== ") { // RUN, PAUSE, CONT, NAME: the heading says it
			s.print(line)
		}
	}
	delete(s.output, key)
}

// close lists the skipped tests.
func (s *summary) close() {
	for _, line := range s.skipped {
		s.print("skipped: " + line + "\n")
	}
}

// result is the line for programs.
func (s *summary) result(name string, ok bool, elapsed time.Duration) string {
	verdict := "ok"
	if !ok {
		verdict = "failed"
	}
	return fmt.Sprintf("RESULT %s=%s packages=%d tests=%d failed=%d skipped=%d seconds=%d",
		name, verdict, s.counts.Packages, s.counts.Tests, s.counts.Failed, s.counts.Skipped, int(elapsed.Seconds()))
}

// print ignores write errors: when the reader of this program's output has gone, nobody is left to tell.
func (s *summary) print(text string) {
	_, _ = io.WriteString(s.out, text)
}

// isClosingLine says whether the line is go's own verdict on a package, as `go test` prints it without -json.
func isClosingLine(line string) bool {
	return strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "FAIL\t") || strings.HasPrefix(line, "?   \t")
}

// reason finds what a skipped test gave to t.Skip, which go indents below the test's file and line.
func reason(output []string) string {
	for _, line := range output {
		text := strings.TrimSpace(line)
		if text != "" && !strings.HasPrefix(text, "=== ") && !strings.HasPrefix(text, "--- ") {
			return ": " + text
		}
	}
	return ""
}
