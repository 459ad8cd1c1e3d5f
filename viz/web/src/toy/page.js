export async function startToy() {
  return {};
}
