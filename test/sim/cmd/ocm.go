package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// ocmFlags are those of the OCM simulator.
type ocmFlags struct {
	options  ocm.Options
	clusters int
}

func (f *ocmFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.options.ControlAddr, "ocm-control", "127.0.0.1:0", "address of the OCM control port")
	flags.IntVar(&f.clusters, "ocm-clusters", 3, "clusters of the account; the first is the operator's")
	flags.DurationVar(&f.options.StepPerLook, "ocm-step", 6*time.Hour,
		"how far each poll of a rotation under way advances OCM's clock; with 0 only the control port does")
}

// build prepares the simulator with an account, and with a new CA if ca is nil. The account's other clusters switch by themselves, as with
// insights-operator; the first waits for the operator.
func (f *ocmFlags) build(ca *simtls.CA) (part, *ocm.Sim, error) {
	if f.clusters < 1 {
		return part{}, nil, errors.New("--ocm-clusters must be at least 1")
	}
	// Clients in other processes use the machine's time, so the records do too.
	f.options.CA, f.options.PresentStamps = ca, true
	sim, err := ocm.New(f.options)
	if err != nil {
		return part{}, nil, err
	}
	return part{name: "OCM", start: sim.Start, close: sim.Close, describe: func(files folder) ([]string, error) {
		return describeOCM(sim, f.clusters, files)
	}}, sim, nil
}

func describeOCM(sim *ocm.Sim, clusters int, files folder) ([]string, error) {
	account := sim.AddAccount(ocm.AccountSpec{})
	operators := sim.AddCluster(account.ID, ocm.ClusterSpec{Name: "cluster-1"})
	for i := 2; i <= clusters; i++ {
		sim.AddCluster(account.ID, ocm.ClusterSpec{Name: fmt.Sprintf("cluster-%d", i), Mode: ocm.SwitchesSoon})
	}
	paths := map[string]string{}
	for name, content := range map[string][]byte{
		"ocm-ca.pem": sim.CA().PEM(), "ocm-offline-token": []byte(sim.OfflineToken(account.ID)), "pull-secret.json": sim.PullSecret(account.ID),
	} {
		var err error
		if paths[name], err = files.write(name, content); err != nil {
			return nil, err
		}
	}
	return []string{
		"API      " + sim.URL(),
		"tokens   " + sim.TokenURL(),
		"control  " + sim.ControlURL(),
		fmt.Sprintf("account  %s (%s), its pull secret in %s", account.ID, account.Username, paths["pull-secret.json"]),
		fmt.Sprintf("cluster  %s, and %d more of the account", operators, clusters-1),
		fmt.Sprintf("try      curl --cacert %s -d grant_type=refresh_token -d client_id=cloud-services --data-urlencode refresh_token@%s %s",
			paths["ocm-ca.pem"], paths["ocm-offline-token"], sim.TokenURL()),
		fmt.Sprintf(`advance  curl -X POST -d '{"by": "6h"}' %s/advance`, sim.ControlURL()),
		fmt.Sprintf(`report   curl --cacert %s -d '{"cluster_id": "%s", "authorization_token": "AUTH OF cloud.openshift.com"}' %s/api/accounts_mgmt/v1/cluster_registrations`,
			paths["ocm-ca.pem"], operators, sim.URL()),
	}, nil
}
