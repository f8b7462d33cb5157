package gateway

import (
	"context"
	"net/http"
	"net/url"

	"cordum.dev/cordum/engine/runner"
)

// TopicCreate is a topic to be registered.
type TopicCreate struct {
	Name string `json:"name" minLength:"1" maxLength:"200" example:"job.orders.ship"`
	TopicPut
}

// TopicPut is what is said of a topic.
type TopicPut struct {
	Description   string `json:"description,omitempty" maxLength:"1024"`
	Pool          string `json:"pool,omitempty" maxLength:"128" doc:"Whose workers serve it, where pools.yaml or its document does not say"`
	InputSchema   string `json:"input_schema,omitempty" maxLength:"64" doc:"Id of the registered schema that inputs of its jobs fit"`
	OutputSchema  string `json:"output_schema,omitempty" maxLength:"64" doc:"Id of the registered schema that outputs of its jobs fit"`
	MaxInputBytes int    `json:"max_input_bytes,omitempty" minimum:"0" maximum:"2097152"`
}

func (b *TopicPut) spec(name string) runner.TopicSpec {
	return runner.TopicSpec{
		Name: name, Description: b.Description, Pool: b.Pool, InputSchema: b.InputSchema, OutputSchema: b.OutputSchema, MaxInputBytes: b.MaxInputBytes,
	}
}

func topicPath(name string) string { return prefix + "/topics/" + url.PathEscape(name) }

func (g *Gateway) createTopic(ctx context.Context, in *struct{ Body TopicCreate }) (*created[runner.TopicView], error) {
	if err := g.installation(ctx); err != nil {
		return nil, err
	}
	v, err := g.engine.CreateTopic(ctx, caller(ctx, ""), in.Body.spec(in.Body.Name))
	if err != nil {
		return nil, err
	}
	return &created[runner.TopicView]{Status: http.StatusCreated, Location: topicPath(v.Name), Body: v}, nil
}

type putTopicInput struct {
	ByID
	Body TopicPut
}

func (g *Gateway) putTopic(ctx context.Context, in *putTopicInput) (*created[runner.TopicView], error) {
	if err := g.installation(ctx); err != nil {
		return nil, err
	}
	v, fresh, err := g.engine.PutTopic(ctx, caller(ctx, ""), in.Body.spec(in.ID))
	if err != nil {
		return nil, err
	}
	return &created[runner.TopicView]{Status: statusOf(fresh), Location: topicPath(v.Name), Body: v}, nil
}

func (g *Gateway) getTopic(ctx context.Context, in *ByID) (*reply[runner.TopicView], error) {
	v, err := g.engine.Topic(ctx, caller(ctx, ""), in.ID)
	if err != nil {
		return nil, err
	}
	return &reply[runner.TopicView]{v}, nil
}

func (g *Gateway) listTopics(ctx context.Context, in *Paging) (*pageReply[runner.TopicView], error) {
	return registeredPage(ctx, *in, "/topics", g.engine.Topics)
}

func (g *Gateway) deleteTopic(ctx context.Context, in *ByID) (*nothing, error) {
	if err := g.installation(ctx); err != nil {
		return nil, err
	}
	return nil, g.engine.DeleteTopic(ctx, caller(ctx, ""), in.ID)
}
