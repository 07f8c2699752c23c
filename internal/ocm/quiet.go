package ocm

import (
	"context"

	"github.com/openshift-online/ocm-sdk-go/logging"
)

// quiet is the SDK's logger. The SDK's debug log dumps requests and answers and hides only some of their fields; it prints "auth", "auths",
// "token" and "secret". Error and Config.Observe report what matters.
type quiet struct{}

var _ logging.Logger = quiet{}

func (quiet) DebugEnabled() bool { return false }
func (quiet) InfoEnabled() bool  { return false }
func (quiet) WarnEnabled() bool  { return false }
func (quiet) ErrorEnabled() bool { return false }

func (quiet) Debug(context.Context, string, ...interface{}) {}
func (quiet) Info(context.Context, string, ...interface{})  {}
func (quiet) Warn(context.Context, string, ...interface{})  {}
func (quiet) Error(context.Context, string, ...interface{}) {}

// Fatal does not end the process, unlike the SDK's own loggers: a library must not decide that.
func (quiet) Fatal(context.Context, string, ...interface{}) {}
