package simulation

import (
	"math"
	"math/rand/v2"
	"time"
)

// Distribution draws a length of time.
type Distribution func(random *rand.Rand) time.Duration

// Exponential is memoryless: how long it has lasted says nothing about how long it will last.
func Exponential(mean time.Duration) Distribution {
	return func(random *rand.Rand) time.Duration { return time.Duration(random.ExpFloat64() * float64(mean)) }
}

// LogNormal is what handling times look like: many short, a few very long. Variation is the standard deviation over the mean;
// 0 gives the mean always.
func LogNormal(mean time.Duration, variation float64) Distribution {
	variance := math.Log(1 + variation*variation)
	return func(random *rand.Rand) time.Duration {
		return time.Duration(float64(mean) * math.Exp(math.Sqrt(variance)*random.NormFloat64()-variance/2))
	}
}

// Sampled draws what was observed, each time as likely as the others. There must be some.
func Sampled(observed []time.Duration) Distribution {
	return func(random *rand.Rand) time.Duration { return observed[random.IntN(len(observed))] }
}

// Never is the patience of somebody who waits for ever.
func Never() Distribution {
	return func(*rand.Rand) time.Duration { return 0 }
}

// Traffic is how conversations arrive.
type Traffic struct {
	// PerHour are the arrivals an hour, hour by hour; after the last it begins again.
	PerHour []float64
	// Length is how long conversations arrive.
	Length   time.Duration
	Handling Distribution
	Patience Distribution
}

// Synthetic draws arrivals: a Poisson process whose rate follows the hours. Equal seeds give equal arrivals, and what is drawn
// for one of them does not depend on the others' distributions.
func Synthetic(traffic Traffic, seed uint64) []Arrival {
	when, handling, patience := source(seed, 1), source(seed, 2), source(seed, 3)
	var arrivals []Arrival
	for at := time.Duration(0); ; {
		at = nextArrival(traffic.PerHour, at, when.ExpFloat64(), traffic.Length)
		if at >= traffic.Length {
			return arrivals
		}
		arrivals = append(arrivals, Arrival{At: at, Handling: traffic.Handling(handling), Patience: traffic.Patience(patience)})
	}
}

// source is one of several streams of random numbers.
func source(seed, stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, stream)) //nolint:gosec // plays dice, protects nothing
}

// nextArrival is when so many more arrivals are to be expected, on average; end when none comes before it.
func nextArrival(perHour []float64, at time.Duration, expected float64, end time.Duration) time.Duration {
	for at < end {
		hour := int(at / time.Hour)
		rate := perHour[hour%len(perHour)] / float64(time.Hour)
		left := time.Duration(hour+1)*time.Hour - at
		within := rate * float64(left)
		if within > expected {
			return at + time.Duration(expected/rate)
		}
		expected -= within
		at += left
	}
	return end
}
