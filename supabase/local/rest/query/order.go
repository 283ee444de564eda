package query

// Order is one term of order=.
type Order struct {
	// Relation is the embedded table whose field orders these rows, empty for a field of their own.
	Relation string
	Field    Field
	// Direction is asc or desc, empty when not given.
	Direction string
	// Nulls is first or last, empty when not given.
	Nulls string
}

func parseOrder(text string) ([]Order, error) {
	s := newScanner("order", text)
	var orders []Order
	for {
		order, err := s.order()
		if err != nil {
			return nil, err
		}
		if orders = append(orders, order); !s.lexeme(",") {
			return orders, s.expectEnd(`delimiter (.), "," or end of input`)
		}
	}
}

func (s *scanner) order() (Order, error) {
	s.skipSpace()
	field, err := s.field()
	if err != nil {
		return Order{}, err
	}
	order := Order{Field: field}
	if s.take("(") {
		order.Relation = field.Name
		if order.Field, err = s.field(); err != nil {
			return Order{}, err
		}
		if !s.take(")") {
			return Order{}, s.fail(`")"`)
		}
	}
	err = s.direction(&order)
	return order, err
}

// direction takes .asc or .desc, then .nullsfirst or .nullslast; each may be missing.
func (s *scanner) direction(order *Order) error {
	switch {
	case s.take(".asc"):
		order.Direction = "asc"
	case s.take(".desc"):
		order.Direction = "desc"
	}
	switch {
	case s.take(".nullsfirst"):
		order.Nulls = "first"
	case s.take(".nullslast"):
		order.Nulls = "last"
	}
	if s.skipSpace(); s.atEnd() || s.peek() == ',' {
		return nil
	}
	return s.fail(`"asc", "desc", "nullsfirst" or "nullslast"`)
}
