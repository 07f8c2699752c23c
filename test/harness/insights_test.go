package harness

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func TestInsightsOperator_MergesAnAcceptedTransferOnceAndKeepsOtherEntries(t *testing.T) {
	w := newWorld(t)
	sim := ocm.StartForTest(t, ocm.Options{})
	account := sim.AddAccount(ocm.AccountSpec{})
	sim.AddCluster(account.ID, ocm.ClusterSpec{ID: DefaultClusterID})
	var installed map[string]map[string]any
	if err := json.Unmarshal(sim.PullSecret(account.ID), &installed); err != nil {
		t.Fatal(err)
	}
	installed["auths"]["mirror.example.com"] = map[string]any{"auth": "bWlycm9yOnBhc3N3b3Jk"}
	document, err := json.Marshal(installed)
	if err != nil {
		t.Fatal(err)
	}
	if err := SeedCluster(t.Context(), cp.Client, Cluster{PullSecret: document}); err != nil {
		t.Fatal(err)
	}

	player := StartInsightsOperator(t.Context(), cp.Client, sim.URL(), sim.CA().Pool(), 20*time.Millisecond)
	sim.StartRotationElsewhere(account.ID)
	sim.RunBatch()
	Eventually(t, "the transfer is merged", func(ctx context.Context) error {
		s := secret(PullSecretNamespace, PullSecretName)
		if err := cp.Client.Get(ctx, client.ObjectKeyFromObject(s), s); err != nil {
			return err
		}
		text := s.Data[corev1.DockerConfigJsonKey]
		if cloudToken(text) != sim.CloudAuth(account.ID) {
			return errors.New("the cluster still has its old token")
		}
		if !contains(string(text), "mirror.example.com") {
			return Permanent(errors.New("another owner's entry is gone"))
		}
		return nil
	}, w.dump)
	asked := sim.Count(ocm.OpTransfers)
	Eventually(t, "it polls again", func(context.Context) error {
		if sim.Count(ocm.OpTransfers) < asked+3 {
			return errors.New("not yet")
		}
		return nil
	})
	if err := player.Stop(); err != nil {
		t.Error(err)
	}
	if player.Updates() != 1 {
		t.Errorf("it wrote %d times, want once", player.Updates())
	}
}
