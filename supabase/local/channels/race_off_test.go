//go:build !race

package channels

// raceDetector multiplies time and memory.
const raceDetector = false
