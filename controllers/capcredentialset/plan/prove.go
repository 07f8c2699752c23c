package plan

import (
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// prove plans the question that shows whether CAP answers well after what it is asked with was changed, although nothing is due. It
// is one, for the most important role, and what comes is kept in memory alone. Where something is due, its question is the proof.
func (p *Plan) prove(in Input) {
	if !in.Unproven || in.Hold != nil || len(p.Fetches) > 0 {
		return
	}
	role, lives := p.prover(in)
	switch at := later(in.portalAt(lives), in.askAt(role, lives)); {
	case role == "" || in.Flying[role]: // there is none, or its answer wakes the set
	case at.After(in.Now):
		p.wakeAt(at)
	default:
		p.Fetches = append(p.Fetches, Fetch{Role: role, Proof: true})
	}
}

// prover is the role to request among those whose Secrets need nothing: the one of the last time, or else the most important.
func (p *Plan) prover(in Input) (string, life) {
	var first *Row
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Result != v1alpha1.ReasonFresh {
			continue
		}
		if r.Role == in.Memory.Prover {
			return r.Role, in.life(*r)
		}
		if first == nil {
			first = r
		}
	}
	if first == nil {
		return "", life{}
	}
	return first.Role, in.life(*first)
}

// Proves is true if a good answer for a role shows that CAP answers well: once a prover was chosen, only its answer counts.
func (m *Memory) Proves(role string) bool { return m.Prover == "" || m.Prover == role }

// later of two times, where zero means at once.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
