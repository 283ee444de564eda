package assistant_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/supportbase/handoff/cmd/handoff/assistant"
)

// threshold is the default of a project's auto_triggers.low_confidence_threshold.
const threshold = 0.6

func TestReply(t *testing.T) {
	t.Parallel()

	t.Run("is sure about what the shop's pages say", func(t *testing.T) {
		t.Parallel()
		for question, word := range map[string]string{
			"Hi, how long does shipping to Spain take?": "Delivery",
			"can I RETURN a lamp?":                      "60 days",
			"Is the bulb dimmable?":                     "LED",
			"Do you take PayPal":                        "PayPal",
			"hello":                                     "Hello",
			"Which lamp for a bedroom?":                 "Fungi",
		} {
			answer := assistant.Reply(question)
			assert.Contains(t, answer.Text, word, question)
			assert.GreaterOrEqual(t, answer.Confidence, threshold, question)
		}
	})

	t.Run("is unsure about what needs a person", func(t *testing.T) {
		t.Parallel()
		for _, question := range []string{
			"My lamp arrived broken", "Where is my order?", "Do you give discounts to hotels?", "What is the meaning of life", "???", "",
		} {
			assert.Less(t, assistant.Reply(question).Confidence, threshold, question)
		}
	})

	t.Run("takes short words whole", func(t *testing.T) {
		t.Parallel()
		assert.Less(t, assistant.Reply("his ledger").Confidence, threshold)
	})
}
