package ocm

import "github.com/openshift/credential-rotation-operator/test/sim/simctl"

// Moment is a point in the life of a request.
type Moment = simctl.Moment

// The moments at which a request can be held.
const (
	BeforeEffect = simctl.BeforeEffect
	AfterEffect  = simctl.AfterEffect
)

// Held is one request that is held until the test has done something, such as killing the client.
type Held = simctl.Held

// Hold holds the next request for the operation. A held request whose client goes away ends there: before the effect nothing happens.
func (s *Sim) Hold(operation string, moment Moment) *Held {
	return s.holds.Add(moment, func(op string) bool { return operation == op || operation == OpAny })
}
