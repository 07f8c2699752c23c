package decide

// check is one step towards a decision. It returns the decision, or nil to go on.
type check func(Input) *Decision

// rule is one rule of a chain: its reason, when it applies, the facts that it needs, and what it decides.
type rule struct {
	why string
	// when is nil for a rule that always applies.
	when func(Input) bool
	// needs are gathered before the check, in this order.
	needs []*need
	// check, or another chain instead; a rule without either only gathers its needs.
	check check
	then  chain
	// amend, if set, may change the rule's decision.
	amend func(Input, *Decision) *Decision
}

// chain is a list of rules. The first decision ends it.
type chain []rule

// decide returns the decision of the first rule that makes one, or nil.
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

// decided is a decision as the result of a check.
func decided(d Decision) *Decision { return &d }

// does is the check that always decides for a step.
func does(s Step) check {
	return func(Input) *Decision { return decided(Do(s)) }
}

// all is true if all conditions are.
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

// not negates a condition.
func not(condition func(Input) bool) func(Input) bool {
	return func(in Input) bool { return !condition(in) }
}
