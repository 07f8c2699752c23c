package pullsecretrotation

// canonical clears what no longer matters, so that states that differ only in it are one.
func (w *world) canonical() {
	w.status.canonical()
	for i := range w.replicas {
		if w.replicas[i].running {
			w.replicas[i].status.canonical()
			w.replicas[i].read.canonical()
		}
	}
	for i := range w.ocm {
		r := &w.ocm[i]
		if r.completed || r.deleted {
			r.issued, r.old, r.mine, r.sibling, r.age = 0, 0, completedTransfer, completedTransfer, transferLife
		}
		if over(r.mine) && over(r.sibling) {
			r.age = transferLife
		}
	}
}

func (s *record) canonical() {
	if s.healed < 3 {
		s.wroteA = none // no fight has begun, so nothing waits for its pause
	}
	// Only the evidence about credentials to be written matters.
	s.accepts, s.refuses = s.accepts&bit(s.issued), s.refuses&bit(s.issued)
	if !s.under {
		return
	}
	forget := func(age *int8) {
		if *age >= 0 {
			*age = ageCap
		}
	}
	if s.id >= 0 || s.catchUp {
		forget(&s.intended)
		s.listed = none
	}
	if s.verified {
		forget(&s.issuedAge)
	}
	if s.rolledOut || s.rolledBack {
		forget(&s.applied)
		s.before, s.sick = none, false
	}
	if s.revoked {
		s.probe = noProbe
		s.known |= bit(s.baseline) | bit(s.issued)
		s.baseline, s.before, s.intended, s.listed, s.issuedAge = none, none, none, none, none
		if s.backup < 0 {
			s.tried = none
		}
		s.verified, s.rolledOut, s.rolledBack, s.sick = false, false, false, false
		forget(&s.applied)
	}
}
