package cap

import "github.com/openshift/credential-rotation-operator/test/sim/simctl"

// Hold holds the next request for a role: before anything has happened, or when the credential is issued, but not answered yet.
func (s *Sim) Hold(role string, moment simctl.Moment) *simctl.Held {
	return s.holds.Add(moment, func(other string) bool { return role == other })
}
