package remote

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"cordum.dev/cordum/bus/wire/kernel"
)

// health answers grpc.health.v1: the kernel serves while it knows which rules are in force.
type health struct {
	healthpb.UnimplementedHealthServer
	ready    func() bool
	stopping <-chan struct{}
}

// Check answers how it is now, for the server as a whole (an empty name) and for its one service.
func (h *health) Check(_ context.Context, in *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if !isServed(in.GetService()) {
		return nil, status.Error(codes.NotFound, "there is no such service")
	}
	return &healthpb.HealthCheckResponse{Status: h.status()}, nil
}

// Watch tells how it is and every change, until the caller or the server goes.
func (h *health) Watch(in *healthpb.HealthCheckRequest, to grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	now := func() healthpb.HealthCheckResponse_ServingStatus {
		if !isServed(in.GetService()) {
			return healthpb.HealthCheckResponse_SERVICE_UNKNOWN
		}
		return h.status()
	}
	tick := time.NewTicker(healthPoll)
	defer tick.Stop()
	said := healthpb.HealthCheckResponse_ServingStatus(-1)
	for {
		if current := now(); current != said {
			if err := to.Send(&healthpb.HealthCheckResponse{Status: current}); err != nil {
				return err
			}
			said = current
		}
		select {
		case <-to.Context().Done():
			return status.FromContextError(to.Context().Err()).Err()
		case <-h.stopping:
			return status.Error(codes.Unavailable, "the safety kernel stops")
		case <-tick.C:
		}
	}
}

func (h *health) status() healthpb.HealthCheckResponse_ServingStatus {
	if h.ready() {
		return healthpb.HealthCheckResponse_SERVING
	}
	return healthpb.HealthCheckResponse_NOT_SERVING
}

func isServed(service string) bool {
	return service == "" || service == kernel.SafetyKernel_ServiceDesc.ServiceName
}
