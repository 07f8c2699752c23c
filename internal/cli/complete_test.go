package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func TestCompletion_KnowsTheNamesOfTheObjects(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		&v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "quarterly"}},
		&v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "audit"}},
		&v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: "cap"}},
	).Build()
	start := time.Now()
	c = interceptor.NewClient(c, interceptor.Funcs{List: func(ctx context.Context, k client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
		if end, ends := ctx.Deadline(); !ends || end.Sub(start) < time.Second {
			t.Errorf("the names are asked for %s, want a time at which the shell gives up, but not at once", end)
		}
		return k.List(ctx, list, opts...)
	}})
	env := environment{connect: func() (client.Client, error) { return c, nil }}
	for _, tc := range []struct {
		cmd   *cobra.Command
		args  []string
		begun string
		want  []string
	}{
		{newApproveCommand(env), nil, "", []string{"audit", "quarterly"}},
		{newApproveCommand(env), nil, "qu", []string{"quarterly"}},
		{newApproveCommand(env), []string{"quarterly"}, "", nil},
		{newRefreshCommand(env), nil, "", []string{"cap"}},
		{newStatusCommand(env), nil, "", []string{"audit", "cap", "quarterly"}},
	} {
		got, directive := tc.cmd.ValidArgsFunction(tc.cmd, tc.args, tc.begun)
		slices.Sort(got)
		if !slices.Equal(got, tc.want) || directive != cobra.ShellCompDirectiveNoFileComp {
			t.Errorf("%s %v %s: %v and %d, want %v and no files", tc.cmd.Name(), tc.args, tc.begun, got, directive, tc.want)
		}
	}
}

func TestCompletion_KnowsTheFormatsOfTheOutput(t *testing.T) {
	cmd := newReportCommand(environment{})
	complete, ok := cmd.GetFlagCompletionFunc("output")
	if !ok {
		t.Fatal("-o is not completed")
	}
	if got, directive := complete(cmd, nil, ""); !slices.Equal(got, reportOutputs) || directive != cobra.ShellCompDirectiveNoFileComp {
		t.Errorf("-o is completed with %v and %d, want %v and no files", got, directive, reportOutputs)
	}
}

func TestCompletion_WithoutAClusterIsSilent(t *testing.T) {
	env := environment{connect: func() (client.Client, error) { return nil, errors.New("no cluster") }}
	cmd := newStatusCommand(env)
	if got, _ := cmd.ValidArgsFunction(cmd, nil, ""); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

func TestApproveAndRefresh_AskForANameInWords(t *testing.T) {
	for _, cmd := range []*cobra.Command{newApproveCommand(environment{}), newRefreshCommand(environment{})} {
		for _, args := range [][]string{nil, {"a", "b"}} {
			cmd.SetArgs(args)
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			if err := cmd.ExecuteContext(context.Background()); err == nil || !strings.Contains(err.Error(), "oc get ") {
				t.Errorf("%s %v says %v, want how to find the name", cmd.Name(), args, err)
			}
		}
	}
}

func TestConnect_WithoutAKubeconfigSaysHowToGetOne(t *testing.T) {
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	_, err := connect("", "")
	if err == nil || !strings.Contains(err.Error(), "oc login") || strings.Contains(err.Error(), "KUBERNETES_MASTER") {
		t.Errorf("got %v", err)
	}
}
