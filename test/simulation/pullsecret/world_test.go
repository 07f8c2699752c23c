package pullsecret

import (
	"fmt"
	"strings"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	simregistry "github.com/openshift/credential-rotation-operator/test/sim/registry"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

// longAgo is a T before each history.
var longAgo = stage.Start.AddDate(-2, 0, 0)

// proofImage is what the operator pulls from Red Hat's registry to prove the right to.
const proofImage = "ubi8/ubi"

// world is a history: the services, the clusters of one account, and what has happened.
type world struct {
	*stage.World
	ocm        *simocm.Sim
	registries *simregistry.Sim
	account    simocm.Account
	stranger   simocm.Account // owns nothing here, but people mix things up
	clusters   []*cluster
	crowd      int // clusters and machines beside the first ones
	network    *network
	forgotten  []string // the records of rotations that OCM neither works on nor ends
	orphans    bool     // credentials may be left of rotations whose record somebody has deleted
}

func pick[T any](w *world, of []T) T { return stage.Pick(w, of...) }

var (
	must    = stage.Must
	quietly = stage.Quietly
)

var (
	scheme    = newScheme()
	authority = stage.NewAuthority()
)

// newScheme has the kinds that occur and no others.
func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for group, kinds := range map[schema.GroupVersion][]runtime.Object{
		corev1.SchemeGroupVersion:           {&corev1.Secret{}, &corev1.SecretList{}, &corev1.ConfigMap{}, &corev1.Pod{}, &corev1.PodList{}},
		v1alpha1.GroupVersion:               {&v1alpha1.PullSecretRotation{}, &v1alpha1.PullSecretRotationList{}},
		configv1.GroupVersion:               {&configv1.ClusterVersion{}, &configv1.Infrastructure{}},
		operatorv1.GroupVersion:             {&operatorv1.MachineConfiguration{}},
		machineconfigurationv1.GroupVersion: {&machineconfigurationv1.MachineConfigPool{}, &machineconfigurationv1.MachineConfigPoolList{}, &machineconfigurationv1.MachineConfigNode{}, &machineconfigurationv1.MachineConfigNodeList{}},
	} {
		s.AddKnownTypes(group, kinds...)
		metav1.AddToGroupVersion(s, group)
	}
	return s
}

// begin makes a world whose clusters are in order.
func begin(seed uint64, broken *stage.Mutation, count *history.Tally) (*stage.World, stage.Play) {
	w := &world{World: stage.NewWorld(seed, broken, count)}
	var err error
	w.ocm, err = simocm.New(simocm.Options{
		CA: authority, OfflineTokenIdle: 1000 * stage.Day, OnlyRequests: true,
		OnViolation: func(what string) { w.Violate("the API contract: %s", what) },
	})
	must(err)
	w.registries, err = simregistry.New(simregistry.Options{Directory: w.ocm, CA: authority})
	must(err)
	_, err = w.registries.AddImage(simregistry.RedHatRegistry, proofImage, "latest", simregistry.Subscribers)
	must(err)
	_, err = w.registries.AddImage(simocm.Quay, "openshift-release-dev/probe", "v1", simregistry.Subscribers)
	must(err)
	w.network = newNetwork(w)
	w.account, w.stranger = w.ocm.AddAccount(simocm.AccountSpec{}), w.ocm.AddAccount(simocm.AccountSpec{})
	if w.Odds(50) {
		w.crowd = 40 // more than a status lists
	}
	for i := range w.crowd {
		w.ocm.AddCluster(w.account.ID, simocm.ClusterSpec{
			Name: fmt.Sprintf("cluster-%d.%s", i, strings.Repeat("with-a-long-name.", 20)), Mode: pick(w, []simocm.Mode{simocm.SwitchesSoon, simocm.InsightsOperator}),
		})
	}
	for i := range 1 + w.Roll(2) {
		w.clusters = append(w.clusters, newCluster(w, i))
	}
	w.Passed = func() { w.ocm.Advance(0) }
	return w.World, w
}

func run(broken *stage.Mutation) history.Run { return stage.Run(begin, broken) }

func TestMain(m *testing.M) { history.Main(m) }
