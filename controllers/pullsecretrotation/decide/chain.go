package decide

// check is one question on the way to a decision. It answers with the decision, or with nil to go on.
type check func(Input) *Decision

// rule is a line of a chain: why it is there, when it applies, what must be known for it, and what it decides.
type rule struct {
	why string
	// when is nil for a line that always applies.
	when func(Input) bool
	// needs are found out before the line is asked, in this order.
	needs []*need
	// check, or another chain in its place; a line without either only finds out what it needs.
	check check
	then  chain
	// amend, if there is one, has the last word about what the line has decided.
	amend func(Input, *Decision) *Decision
}

// chain is a list of rules. The first that decides ends it.
type chain []rule

// decide is the decision of the first rule that has one; nil when none has.
func (c chain) decide(in Input) *Decision {
	for i := range c {
		if d := c[i].decide(in); d != nil {
			return d
		}
	}
	return nil
}

func (r *rule) decide(in Input) *Decision {
	if r.when != nil && !r.when(in) {
		return nil
	}
	for _, n := range r.needs {
		if !n.known(in) {
			return decided(Do(n.step))
		}
	}
	ask := r.then.decide
	if r.check != nil {
		ask = r.check
	}
	d := ask(in)
	if d == nil || r.amend == nil {
		return d
	}
	return r.amend(in, d)
}

// decided is a decision as the answer of a check.
func decided(d Decision) *Decision { return &d }

// does is the check that names a step.
func does(s Step) check {
	return func(Input) *Decision { return decided(Do(s)) }
}

// all is true when each of the conditions is.
func all(conditions ...func(Input) bool) func(Input) bool {
	return func(in Input) bool {
		for _, c := range conditions {
			if !c(in) {
				return false
			}
		}
		return true
	}
}

// not is the opposite of a condition.
func not(condition func(Input) bool) func(Input) bool {
	return func(in Input) bool { return !condition(in) }
}
