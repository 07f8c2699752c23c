package plan

import (
	"maps"
	"slices"
	"time"
)

// Trial is what is known of a role that the next release needs and no Secret has yet.
type Trial struct {
	// Reason is ReasonFresh if CAP gave a credential, or why it did not; empty while CAP has not answered.
	Reason string
	// At is when CAP was asked.
	At time.Time
}

// try plans the questions for roles that no Secret has yet. Each is asked for once, alone, and nothing is written; only a CAP that cannot be
// asked is asked again.
func (p *Plan) try(in Input) {
	if in.Hold != nil {
		return
	}
	for _, role := range slices.Sorted(maps.Keys(in.Memory.Trials)) {
		known := in.Memory.Trials[role].Reason != "" || in.Flying[role]
		if known || slices.ContainsFunc(p.Fetches, func(f Fetch) bool { return f.Role == role }) {
			continue
		}
		if in.Memory.Portal.Open && len(p.Fetches) > 0 {
			return // one role tries for all
		}
		if at := later(in.portalAt(life{}), in.askAt(role, life{})); at.After(in.Now) {
			p.wakeAt(at)
			continue
		}
		p.Fetches = append(p.Fetches, Fetch{Role: role})
	}
}
