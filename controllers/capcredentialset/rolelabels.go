package capcredentialset

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
)

// maxRoleLabels is how many roles of a set have their own series. A series costs memory here and in Prometheus for as long as the process runs.
const maxRoleLabels = 200

// otherRoles is the label for all other roles.
const otherRoles = "(other)"

// labelSets are the values that a label has had, by set.
type labelSets struct {
	mu    sync.Mutex
	bySet map[string]map[string]bool
}

// roleLabels are the values of the label role.
var roleLabels = &labelSets{bySet: map[string]map[string]bool{}}

// of is the label's value for a role.
func (l *labelSets) of(set, role string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	used := l.bySet[set]
	if used == nil {
		used = map[string]bool{}
		l.bySet[set] = used
	}
	if !used[role] && len(used) >= maxRoleLabels {
		return otherRoles
	}
	used[role] = true
	return role
}

// keep forgets all values of a set but the wanted ones, and returns what it forgot.
func (l *labelSets) keep(set string, wanted map[string]bool) (gone []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for role := range l.bySet[set] {
		if !wanted[role] {
			gone = append(gone, role)
			delete(l.bySet[set], role)
		}
	}
	if len(l.bySet[set]) == 0 {
		delete(l.bySet, set)
	}
	return gone
}

// dropRoles drops the series of roles that are no longer planned.
func dropRoles(set string, rows []plan.Row) {
	planned := make(map[string]bool, len(rows))
	for i := range rows {
		planned[rows[i].Role] = true
	}
	for _, role := range roleLabels.keep(set, planned) {
		labels := prometheus.Labels{"set": set, "role": role}
		calls.DeletePartialMatch(labels)
		failures.DeletePartialMatch(labels)
	}
}
