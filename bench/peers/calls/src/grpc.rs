//! The call as tonic has it: what `protoc` would make of
//!
//! ```proto
//! message UseItem { uint32 item = 1; uint32 count = 2; }
//! message Used { uint32 left = 1; }
//! service Inventory { rpc Use(UseItem) returns (Used); }
//! ```

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::Service;

const PATH: &str = "/inventory.Inventory/Use";

/// Uses items.
#[derive(Clone, PartialEq, prost::Message)]
pub struct UseItem {
    #[prost(uint32, tag = "1")]
    pub item: u32,
    #[prost(uint32, tag = "2")]
    pub count: u32,
}

/// They were used.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Used {
    #[prost(uint32, tag = "1")]
    pub left: u32,
}

/// The server's side.
#[derive(Clone)]
pub struct Inventory;

impl NamedService for Inventory {
    const NAME: &'static str = "inventory.Inventory";
}

impl Service<tonic::codegen::http::Request<Body>> for Inventory {
    type Response = tonic::codegen::http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::codegen::http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            if request.uri().path() != PATH {
                return Ok(Status::unimplemented("there is one method").into_http());
            }
            Ok(Grpc::new(ProstCodec::default()).unary(Use, request).await)
        })
    }
}

struct Use;

impl UnaryService<UseItem> for Use {
    type Response = Used;
    type Future = Ready<Result<Response<Used>, Status>>;

    fn call(&mut self, request: Request<UseItem>) -> Self::Future {
        ready(Ok(Response::new(Used { left: request.into_inner().count - 1 })))
    }
}

/// Calls it.
pub async fn use_item(channel: &mut tonic::client::Grpc<Channel>, item: u32) -> Result<u32, Status> {
    channel.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let request = Request::new(UseItem { item, count: 2 });
    let answered =
        channel.unary(request, PathAndQuery::from_static(PATH), ProstCodec::<UseItem, Used>::default()).await;
    Ok(answered?.into_inner().left)
}
