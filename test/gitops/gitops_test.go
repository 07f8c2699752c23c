// Package gitops computes the health of both kinds as GitOps tools do: Flux and kpt by kstatus, Argo CD by the shipped
// script.
package gitops

import (
	"os"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
)

const (
	patchFile = "../../config/argocd/health.yaml"
	page      = "../../docs/gitops.md"
	keyPrefix = "resource.customizations.health.rotation.openshift.io_"
)

// scripts are those for Argo CD by kind.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(patchFile)
	if err != nil {
		t.Fatal(err)
	}
	var patch struct{ Data map[string]string }
	if err := yaml.UnmarshalStrict(raw, &patch); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for key, script := range patch.Data {
		kind, ours := strings.CutPrefix(key, keyPrefix)
		if !ours {
			t.Errorf("the key %s is not one of Argo CD's for these kinds", key)
		}
		found[kind] = script
	}
	return found
}

// argo is an object's health in Argo CD, with its message.
func argo(t *testing.T, script string, object map[string]any) (health, message string) {
	t.Helper()
	l := lua.NewState()
	defer l.Close()
	l.SetGlobal("obj", toLua(l, object))
	if err := l.DoString(script); err != nil {
		t.Fatal(err)
	}
	table, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		t.Fatalf("the script returns %s", l.Get(-1).Type())
	}
	return table.RawGetString("status").String(), table.RawGetString("message").String()
}

// toLua converts a JSON value as Argo CD does for a script.
func toLua(l *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		table := l.NewTable()
		for key, item := range value {
			table.RawSetString(key, toLua(l, item))
		}
		return table
	case []any:
		table := l.NewTable()
		for _, item := range value {
			table.Append(toLua(l, item))
		}
		return table
	case string:
		return lua.LString(value)
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	default:
		return lua.LNil
	}
}

// object of either kind.
type object interface {
	conditions.Object
	runtime.Object
}

// observe sets the observed generation to the current one.
func observe(o object) {
	switch o := o.(type) {
	case *v1alpha1.PullSecretRotation:
		o.Status.ObservedGeneration = o.Generation
	case *v1alpha1.CAPCredentialSet:
		o.Status.ObservedGeneration = o.Generation
	}
}

// states are all states of an object, with its health in the tools.
var states = []struct {
	name          string
	reach         func(object)
	kstatus, argo string
}{
	{"just applied", func(object) {}, "InProgress", "Progressing"},
	{"Ready", func(o object) { observe(o); conditions.Ready(o, "R", "This is so.") }, "Current", "Healthy"},
	{"Reconciling", func(o object) { observe(o); conditions.Progressing(o, "R", "This is so.") }, "InProgress", "Progressing"},
	{"not Ready, and retried", func(o object) { observe(o); conditions.Failing(o, "R", "This is so.") }, "InProgress", "Progressing"},
	{"Stalled", func(o object) { observe(o); conditions.Stalled(o, "R", "This is so.") }, "Failed", "Degraded"},
	{"Suspended after Ready", func(o object) {
		observe(o)
		conditions.Ready(o, "R", "Before.")
		conditions.Set(o, v1alpha1.ConditionSuspended, metav1.ConditionTrue, "R", "This is so.")
	}, "Current", "Suspended"},
}

func TestTools_ShowEveryStateAsDocumented(t *testing.T) {
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	judges := scripts(t)
	for kind, fresh := range map[string]func() object{
		"PullSecretRotation": func() object {
			return &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: v1alpha1.PullSecretRotationStatus{ObservedGeneration: -1}}
		},
		"CAPCredentialSet": func() object {
			return &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: v1alpha1.CAPCredentialSetStatus{ObservedGeneration: -1}}
		},
	} {
		script, there := judges[kind]
		if !there {
			t.Fatalf("there is no script for a %s", kind)
		}
		for _, state := range states {
			o := fresh()
			state.reach(o)
			fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
			if err != nil {
				t.Fatal(err)
			}
			result, err := status.Compute(&unstructured.Unstructured{Object: fields})
			if err != nil {
				t.Fatal(err)
			}
			health, words := argo(t, script, fields)
			if string(result.Status) != state.kstatus || health != state.argo {
				t.Errorf("a %s that is %s is %s for kstatus and %s for Argo CD, want %s and %s", kind, state.name, result.Status, health, state.kstatus, state.argo)
			}
			if state.name != "just applied" && words != "This is so." {
				t.Errorf("for a %s that is %s, Argo CD shows %q", kind, state.name, words)
			}
			if row := "| " + state.name + " | `" + state.kstatus + "` | `" + state.argo + "` |"; !strings.Contains(string(raw), row) {
				t.Errorf("the page has no row %s", row)
			}
		}
	}
}

// An object without a status has not been reconciled, regardless of the schema's default.
func TestTools_AnObjectWithoutAStatusIsNotHealthy(t *testing.T) {
	for kind, script := range scripts(t) {
		if health, _ := argo(t, script, map[string]any{"kind": kind, "metadata": map[string]any{"generation": int64(1)}}); health != "Progressing" {
			t.Errorf("a %s without a status is %s", kind, health)
		}
	}
}
