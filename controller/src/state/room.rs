//! Room for large objects: a pass holds several times what its object takes, and a tenant decides how large that is
//! (docs/trust.md row 7).

use tokio::sync::SemaphorePermit;

use super::State;

/// Bytes of large objects in passes.
pub(super) const ROOM: usize = 4 * 1024 * 1024;
/// Objects up to this size take no room, so that they never wait behind large ones.
const SMALL: usize = 32 * 1024;

impl State {
    /// Waits until there is room for an object of so many bytes. What is larger than all the room gets all of it.
    pub async fn room_for(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        if bytes <= SMALL {
            return None;
        }
        let bytes = u32::try_from(bytes.min(ROOM)).unwrap_or(u32::MAX);
        self.room.acquire_many(bytes).await.ok()
    }
}
