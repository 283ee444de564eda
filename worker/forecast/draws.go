package forecast

// seed makes the same state give the same answer. Its value means nothing.
const seed = 0x5eed_0f_a_9ce0

// What is drawn for a chat.
const (
	drawHandling uint64 = iota + 1
	drawResidual
	drawPatience
)

// uniform is a number from [0, 1) that belongs to the play, the chat and what is drawn, whatever else happens: so two states
// that differ in their teams are compared on equal luck.
func uniform(play, chat int, what uint64) float64 {
	mixed := mix(seed + what + mix(uint64(play)+mix(uint64(chat)))) //nolint:gosec // both are counts
	return float64(mixed>>11) / (1 << 53)
}

// mix is the finisher of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}
