package decide

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Machine is what a roll-out needs to know of a machine, by its MachineConfigNode. Most of that is said by the machine itself: it can hold up the
// end of a roll-out as it can hold up its pool, and nothing else.
type Machine struct {
	Name, Pool string
	// Current is the rendered configuration that it has.
	Current string
	// Updated: it says that it is not in the middle of an update. Degraded: it says that it cannot take a configuration.
	Updated, Degraded bool
	// Condition is the one that says why it lags, Reason that condition's reason.
	Condition, Reason string
}

// has is true if the machine has the pool's configuration. Where the whole pool has, a machine at rest counts with it: not every update is
// entered in its MachineConfigNode.
func (m Machine) has(p Pool) bool {
	return m.Current == p.Wanted || p.Settled() && m.Updated && !m.Degraded
}

// said names the machine, and why it lags.
func (m Machine) said() string {
	why := strings.Join(slices.DeleteFunc([]string{m.Condition, m.Reason}, func(s string) bool { return s == "" }), ": ")
	if why == "" {
		return m.Name
	}
	return fmt.Sprintf("%s (%s)", m.Name, why)
}

// followsMachines is true while a roll-out to the machines is under way.
func followsMachines(in Input) bool { return rollingOut(in) && followsPools(in.Spec) }

// machines are those that were seen.
func machines(in Input) []Machine {
	if in.Facts.Machines == nil {
		return nil
	}
	return *in.Facts.Machines
}

// unrendered is true for a pool that does not show the operator's change yet.
func unrendered(s *v1alpha1.PullSecretRotationStatus, p Pool) bool {
	before := poolBefore(s.Rotation, p.Name).ConfigurationBefore
	return wroteGlobal(s) && before != "" && p.Wanted == before
}

// laggards are the machines of a pool without its new configuration, the degraded ones first.
func laggards(s *v1alpha1.PullSecretRotationStatus, p Pool, machines []Machine) []Machine {
	var list []Machine
	for _, m := range machines {
		if m.Pool == p.Name && (unrendered(s, p) || !m.has(p)) {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, byUrgency)
	return list
}

// byUrgency sorts degraded machines before others, and then by name.
func byUrgency(a, b Machine) int {
	if a.Degraded != b.Degraded {
		return map[bool]int{true: -1, false: 1}[a.Degraded]
	}
	return cmp.Compare(a.Name, b.Name)
}

// namedInMessage is how many machines a sentence names. The status has more.
const namedInMessage = 3

// naming is a clause with the first of some machines; empty without any.
func naming(machines []Machine) string {
	if len(machines) == 0 {
		return ""
	}
	var names []string
	for _, m := range machines[:min(len(machines), namedInMessage)] {
		names = append(names, m.said())
	}
	if rest := len(machines) - len(names); rest > 0 {
		names = append(names, fmt.Sprintf("%d more", rest))
	}
	return ", without " + strings.Join(names, ", ")
}

// keptLagging is the schema's bound.
const keptLagging = 20

// Followed records how far the machines are. A pool without MachineConfigNodes has no part in it, and one that is unknown neither.
func (s Record) Followed(pools []Pool, machines []Machine) {
	s.Rotation.Machines = nil
	seen := &v1alpha1.MachinesStatus{}
	var list []Machine
	for _, p := range pools {
		behind := laggards(s.PullSecretRotationStatus, p, machines)
		all := int32(0)
		for _, m := range machines {
			if m.Pool == p.Name {
				all++
				if m.Degraded && !slices.ContainsFunc(behind, func(b Machine) bool { return b.Name == m.Name }) {
					list = append(list, m)
				}
			}
		}
		seen.Total, seen.Updated = seen.Total+all, seen.Updated+all-int32(len(behind))
		list = append(list, behind...)
	}
	if seen.Total == 0 {
		return
	}
	slices.SortFunc(list, byUrgency)
	for _, m := range list[:min(len(list), keptLagging)] {
		seen.Lagging = append(seen.Lagging, v1alpha1.LaggingMachine{Name: m.Name, Pool: m.Pool, Condition: m.Condition, Reason: m.Reason})
	}
	s.Rotation.Machines = seen
}
