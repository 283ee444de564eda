package forecast

import (
	"math"
	"slices"
	"time"
)

const (
	// priorMedian and priorSpread are the log-normal distribution of handling times that stands in for history: its mean is
	// the five minutes of F001 5.4.6.
	priorMedian = 218.0
	priorSpread = 0.8
	// priorWeight is how many chats the prior counts as: with so many of its own a project needs it no more.
	priorWeight = 20
	// fewestOlder is how many chats must have lasted longer than a running one has already to tell how it goes on.
	fewestOlder = 5
)

// handling draws how long chats last, in seconds.
type handling struct {
	sorted []float64
	mean   float64
}

func newHandling(observed []time.Duration) handling {
	seconds := make([]float64, 0, len(observed)+priorWeight)
	for _, one := range observed {
		seconds = append(seconds, max(one.Seconds(), 0))
	}
	seconds = append(seconds, prior(priorWeight-len(observed))...)
	slices.Sort(seconds)
	sum := 0.0
	for _, one := range seconds {
		sum += one
	}
	return handling{sorted: seconds, mean: sum / float64(len(seconds))}
}

// prior is so many evenly spread quantiles of the distribution that stands in for history.
func prior(count int) []float64 {
	points := make([]float64, max(count, 0))
	for i := range points {
		share := (float64(i) + 0.5) / float64(len(points))
		points[i] = priorMedian * math.Exp(priorSpread*math.Sqrt2*math.Erfinv(2*share-1))
	}
	return points
}

// draw is the length of a chat; uniform is from [0, 1).
func (h handling) draw(uniform float64) float64 {
	return h.sorted[int(uniform*float64(len(h.sorted)))]
}

// older is the index of the first observed chat that lasted longer than age: what residual needs, looked up once.
func (h handling) older(age float64) int {
	index, _ := slices.BinarySearchFunc(h.sorted, age, func(one, age float64) int {
		if one <= age {
			return -1
		}
		return 1
	})
	return index
}

// residual is how much longer a chat of that age lasts, given what others that got as old did. When hardly any did, it is
// taken to forget its age.
func (h handling) residual(age float64, older int, uniform float64) float64 {
	left := len(h.sorted) - older
	if left < fewestOlder {
		return -h.mean * math.Log(1-uniform)
	}
	return h.sorted[older+int(uniform*float64(left))] - age
}
