package assistant

// topic is something the assistant knows about, or knows that it does not.
type topic struct {
	// words are stems: one that begins a word of the question speaks for the topic.
	words []string
	// answer is what it says.
	answer string
	// confidence is how sure it is: below 0.6, the project's default threshold, a person takes over.
	confidence float64
	// source is the page the answer is from; empty for none.
	source string
}

// topics of the demo shop, which sells lamps. The first of several that fit equally well wins.
var topics = []topic{
	{
		words:      []string{"ship", "deliver", "arriv", "courier", "dispatch", "express"},
		answer:     "We ship every lamp within one working day. Delivery takes 2–3 days in Europe and 5–7 days elsewhere, and it is free above €60.",
		confidence: 0.94, source: "Shipping",
	},
	{
		words:      []string{"return", "refund", "exchang", "send back", "money back"},
		answer:     "You can send any lamp back within 60 days, also when it was used. Open the order mail and choose “Return”: the label is free, and the refund takes three days.",
		confidence: 0.92, source: "Returns",
	},
	{
		words:      []string{"bulb", "bright", "lumen", "watt", "dim", "led", "kelvin", "warm"},
		answer:     "Every lamp comes with a dimmable LED bulb: 2700 kelvin, 806 lumens, E27. You can replace it with any E27 bulb up to 12 watts.",
		confidence: 0.9, source: "Bulbs",
	},
	{
		words:      []string{"size", "tall", "height", "high", "wide", "dimension", "cable", "measure", "long"},
		answer:     "The measurements are on each product page. The pendants hang on a cable of two metres that you can shorten by hand; all other cables are 1.8 metres long.",
		confidence: 0.82, source: "Measurements",
	},
	{
		words:      []string{"pay", "card", "paypal", "invoice", "klarna", "vat"},
		answer:     "You can pay by card, PayPal, Apple Pay or by invoice within 14 days. Prices include VAT.",
		confidence: 0.9, source: "Payment",
	},
	{
		words:      []string{"guarant", "warrant", "repair", "spare"},
		answer:     "All our lamps have a five-year guarantee, and we keep spare parts for ten. Shades, sockets and cables can be replaced without tools.",
		confidence: 0.88, source: "Guarantee",
	},
	{
		words:      []string{"recommend", "suggest", "which", "bedroom", "living", "desk", "office", "kitchen", "read"},
		answer:     "For reading I like Sol, because its arm turns. Above a table take the pendant Luna, and for a soft evening light the little Fungi.",
		confidence: 0.78, source: "Lamp guide",
	},
	{
		words:      []string{"broken", "damag", "crack", "defect", "flicker", "wrong", "missing", "complain"},
		answer:     "I'm sorry to hear that. Somebody from our team should look at this with you, so that you get the right part at once.",
		confidence: 0.42,
	},
	{
		words:      []string{"my order", "order number", "track", "where is", "cancel", "address"},
		answer:     "I can't see single orders, I'm afraid. Let me find somebody from our team who can.",
		confidence: 0.35,
	},
	{
		words:      []string{"discount", "coupon", "voucher", "wholesale", "bulk", "hotel", "architect"},
		answer:     "There may be a better price for that, but I am not allowed to promise one. A colleague can tell you more.",
		confidence: 0.5,
	},
	{
		words:      []string{"human", "agent", "person", "someone", "somebody", "colleague", "operator"},
		answer:     "Of course. I've told our team that you are here. Tell me meanwhile what it is about: they will read it before they say hello.",
		confidence: 0.9,
	},
	{
		words:      []string{"thank", "thanks", "great", "perfect", "bye"},
		answer:     "You're welcome! I'm here if anything else comes up.",
		confidence: 0.97,
	},
	{
		words:      []string{"hello", "hi", "hey", "good morning", "good evening", "moin"},
		answer:     "Hello! Ask me about our lamps, delivery, returns or bulbs.",
		confidence: 0.97,
	},
}

// unknown is the answer to what fits no topic.
var unknown = topic{
	answer:     "I'm not sure about that one, and I'd rather not guess. Let me see whether somebody from our team is free.",
	confidence: 0.3,
}
