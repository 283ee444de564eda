package plot

import (
	"math"
	"slices"
)

// scale turns numbers into places along one axis.
type scale struct {
	from, to float64 // numbers
	low, far float64 // places
	log      bool
	ticks    []float64
}

func (s scale) at(value float64) float64 {
	from, to := s.from, s.to
	if s.log {
		from, to, value = math.Log(from), math.Log(to), math.Log(math.Max(value, s.from))
	}
	if to == from {
		return s.low
	}
	return s.low + (value-from)/(to-from)*(s.far-s.low)
}

// roundSteps are what a step on an axis may be, times a power of ten.
var roundSteps = []float64{1, 2, 5}

// about is how many numbers an axis has.
const about = 5

// linear is a scale from zero or below up to a round number that is at least most.
func linear(least, most float64, steps []float64) scale {
	least = math.Min(least, 0)
	if most <= least {
		most = least + 1
	}
	step := roundStep((most-least)/about, steps)
	s := scale{from: math.Floor(least/step) * step}
	for tick := s.from; ; tick += step {
		s.ticks = append(s.ticks, tick)
		if tick >= most-step*1e-9 {
			s.to = tick
			return s
		}
	}
}

// roundStep is the smallest round step that is at least as large.
func roundStep(atLeast float64, steps []float64) float64 {
	for _, step := range steps {
		if step >= atLeast {
			return step
		}
	}
	power := math.Pow(10, math.Floor(math.Log10(atLeast)))
	for _, one := range roundSteps {
		if one*power >= atLeast*(1-1e-9) {
			return one * power
		}
	}
	return 10 * power
}

// logarithmic is a scale between round numbers around what is above zero.
func logarithmic(least, most float64, round []float64) scale {
	if round == nil {
		round = powers(least, most)
	}
	first, last := 0, len(round)-1
	for first < last && round[first+1] <= least {
		first++
	}
	for last > first+1 && round[last-1] >= most {
		last--
	}
	return scale{from: round[first], to: round[last], log: true, ticks: round[first : last+1]}
}

// powers are the powers of ten from below to above.
func powers(least, most float64) []float64 {
	var found []float64
	for power := math.Floor(math.Log10(least)); ; power++ {
		found = append(found, math.Pow(10, power))
		if len(found) > 1 && found[len(found)-1] >= most {
			return found
		}
	}
}

// span is the smallest and the largest of the numbers that are any, above zero alone if so asked; 0 and 1 without one.
func span(numbers []float64, aboveZero bool) (least, most float64) {
	usable := slices.DeleteFunc(slices.Clone(numbers), func(one float64) bool {
		return math.IsNaN(one) || math.IsInf(one, 0) || (aboveZero && one <= 0)
	})
	if len(usable) == 0 {
		return 0.1, 1
	}
	return slices.Min(usable), slices.Max(usable)
}
