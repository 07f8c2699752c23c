package pullsecretrotation

import (
	"context"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/echo"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

func (s *scope) lookAtMachines(ctx context.Context) (seen decide.Facts, err error) {
	read, err := cluster.ReadMachines(ctx, s.r.Reader)
	if err != nil {
		return seen, err
	}
	secrets := s.secrets()
	machines := make([]decide.Machine, 0, len(read))
	for _, m := range read {
		if echo.Repeats(m.Reason, secrets...) {
			m.Reason = ""
		}
		machines = append(machines, decide.Machine(m))
	}
	seen.Machines = &machines
	return seen, nil
}

// secrets are what no text of the cluster may carry into the status: the credentials of the targets.
func (s *scope) secrets() []string {
	var all []string
	add := func(d *pullsecret.Document) {
		if d == nil {
			return
		}
		for _, registry := range d.Registries() {
			e, _ := d.Entry(registry)
			all = append(all, e.Password, e.Auth())
		}
	}
	for _, t := range s.targets {
		add(t.doc)
	}
	add(s.issued)
	return all
}
